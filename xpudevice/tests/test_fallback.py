"""What an Intel GPU leaves to the CPU. No XPU device and no XPU build of PyTorch ran these."""

from __future__ import annotations

import warnings

import pytest
import torch

from xpudevice import fallback, recorded_fallbacks
from xpudevice.fallback import left_to_cpu, summary

DOT = "The operator 'aten::dot on the XPU backend is falling back to run on the CPU."
SVD = "The operator 'aten::_linalg_svd.U on the XPU backend will fall back to run on the CPU."
ONCE = "Aten Op fallback from XPU to CPU happends. This may have performance implications."


def as_if_for_xpu(key: str, operator: str) -> str:
    """What the dispatcher says of an operator, with a registration for another key as if it were for XPU."""
    return torch._C._dispatch_dump(operator).replace(f"\n{key}: ", "\nXPU: ")


def test_a_boxed_function_of_pytorchs_own_is_a_fallback() -> None:
    # vmap's rules are registered as the fallbacks of XPU are.
    assert fallback._is_fallback(as_if_for_xpu("FuncTorchBatched", "aten::pow.Scalar"))
    assert not fallback._is_fallback(as_if_for_xpu("CPU", "aten::dot"))


def test_no_kernel_of_this_build_is_taken_for_a_fallback() -> None:
    operators = torch._C._dispatch_get_registrations_for_dispatch_key("CPU")
    dumps = [as_if_for_xpu("CPU", each) for each in operators]
    assert sum("\nXPU: registered at" in each for each in dumps) > 1000
    assert not any(map(fallback._is_fallback, dumps))


def test_a_function_of_python_is_none_and_a_build_for_the_cpu_has_none() -> None:
    library = torch.library.Library("xpudevice_tests", "DEF")
    library.define("of_python(Tensor x) -> Tensor")
    library.impl("of_python", lambda x: x, "XPU")
    assert "xpudevice_tests::of_python" in torch._C._dispatch_get_registrations_for_dispatch_key("XPU")
    assert left_to_cpu() == ()
    library._destroy()


def test_operators_that_fell_back_are_recorded_and_other_warnings_pass() -> None:
    with pytest.warns(UserWarning, match="something else"), recorded_fallbacks() as operators:
        for text in (DOT, SVD, DOT, "something else"):
            warnings.warn(text, stacklevel=1)
    assert operators == {"aten::dot", "aten::_linalg_svd.U"}


def test_a_fallback_that_pytorch_does_not_name_is_recorded_too() -> None:
    with recorded_fallbacks() as operators:
        warnings.warn(ONCE, stacklevel=1)
    assert operators == {"an operator without a name"}


def test_what_fell_back_before_an_error_is_recorded() -> None:
    with pytest.raises(RuntimeError), recorded_fallbacks() as operators:
        warnings.warn(DOT, stacklevel=1)
        raise RuntimeError
    assert operators == {"aten::dot"}


@pytest.mark.parametrize(
    ("value", "words"), [("1", "are left to the CPU"), ("0", "are an error"), ("", "are an error")]
)
def test_the_summary_says_what_becomes_of_missing_operators(
    monkeypatch: pytest.MonkeyPatch, value: str, words: str
) -> None:
    monkeypatch.setenv("PYTORCH_ENABLE_XPU_FALLBACK", value)
    monkeypatch.setattr(fallback, "left_to_cpu", lambda: ("aten::dot", "aten::geqrf"))
    assert summary().startswith(
        "2 operators, such as aten::dot, aten::geqrf; those that PyTorch does not have"
    )
    assert words in summary()
