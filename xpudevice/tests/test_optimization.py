"""What `optimize` does for inference in floating point."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from stand_ins import stand_in_ipex
from xpudevice import compilation, int8, optimize, precision
from xpudevice.compilation import compile_error

CPU = torch.device("cpu")


@pytest.fixture
def with_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    flags(monkeypatch, "avx512_bf16")


@pytest.fixture
def without_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    flags(monkeypatch, "avx2")


def flags(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """As on a CPU that has these; oneDNN computes in bfloat16 on any, if slowly."""
    for module in (precision, int8):
        monkeypatch.setattr(module, "cpu_flags", lambda: frozenset(names))
    monkeypatch.setattr("xpudevice.inference.cpu_flags", lambda: frozenset(names))


def convolution() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.Dropout(), nn.Flatten(), nn.Linear(8 * 36, 4))


def test_convolutions_get_channels_last_and_the_result_stays_the_same(without_bf16: None) -> None:
    model, images = convolution(), torch.randn(2, 3, 8, 8)
    expected = model.eval()(images)
    optimized = optimize(model.train(), compile=False)
    assert not optimized.model.training
    assert "channels_last" in optimized.done
    weights = dict(optimized.model.named_parameters())["model.0.weight"]
    assert weights.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(optimized.model(images), expected)


def test_the_model_that_was_given_stays_as_it_is(with_bf16: None) -> None:
    model = convolution()
    before = {name: each.clone() for name, each in model.state_dict().items()}
    optimize(model, compile=False)
    assert model.training
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())


def test_a_cpu_that_is_good_at_bfloat16_gets_its_weights_in_it_and_the_caller_keeps_float32(
    with_bf16: None,
) -> None:
    model, images = convolution(), torch.randn(2, 3, 8, 8)
    optimized = optimize(model, samples=[images], compile=False)
    assert "bfloat16 weights (oneDNN with avx512_bf16; this CPU has no AMX)" in optimized.done
    assert {each.dtype for each in optimized.model.parameters()} == {torch.bfloat16}
    found = optimized.model(images)
    assert found.dtype == torch.float32 and not found.requires_grad
    assert optimized.error is not None and 0 < optimized.error < 0.02
    with torch.no_grad():
        off = (found - model.eval()(images)).norm() / model(images).norm()
    assert optimized.error == pytest.approx(float(off), rel=1e-3)


def test_a_cpu_without_bfloat16_keeps_float32_and_says_so(
    without_bf16: None, caplog: pytest.LogCaptureFixture
) -> None:
    optimized = optimize(nn.Linear(2, 2), compile=False)
    left_out = "bfloat16: the CPU has none of amx_bf16, avx512_bf16, bf16"
    assert optimized.not_done == (left_out, "torch.compile: compile=False")
    assert f"not optimized with {left_out}" in caplog.text
    assert "not optimized with torch.compile: compile=False" in caplog.text
    assert optimized.done == ("evaluation mode on cpu",)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_precision_that_is_named_is_taken(dtype: torch.dtype, with_bf16: None) -> None:
    optimized = optimize(nn.Linear(2, 2), dtype=dtype, compile=False)
    assert {each.dtype for each in optimized.model.parameters()} == {dtype}


def test_a_model_that_comes_in_another_precision_stays_in_it(with_bf16: None) -> None:
    model = nn.Linear(2, 2).double()
    assert optimize(model, compile=False).model(torch.ones(1, 2).double()).dtype == torch.float64


def test_without_samples_no_loss_of_accuracy_is_known(with_bf16: None) -> None:
    assert optimize(nn.Linear(2, 2), compile=False).error is None


def test_whole_numbers_and_nests_of_tensors_pass(with_bf16: None) -> None:
    class Lookup(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(4, 2)

        def forward(self, index: torch.Tensor, *, scale: torch.Tensor) -> dict[str, Any]:
            return {"rows": self.table(index) * scale, "index": index}

    answer = optimize(Lookup(), compile=False).model(torch.tensor([3]), scale=torch.ones(1))
    assert answer["rows"].dtype == torch.float32
    assert answer["index"].dtype == torch.int64


def test_a_compiled_model_with_frozen_weights_computes_the_same_in_any_mode(without_bf16: None) -> None:
    if compile_error(CPU):
        pytest.skip(f"torch.compile does not work on this machine: {compile_error(CPU)}")
    model, x = nn.Sequential(nn.Linear(8, 8), nn.GELU()).eval(), torch.randn(2, 8)
    optimized = optimize(model)
    assert "torch.compile with frozen weights, at the first call" in optimized.done
    for mode in (torch.no_grad, torch.inference_mode, torch.enable_grad):
        with mode():
            torch.testing.assert_close(optimized.model(x), model(x))


@pytest.mark.skipif(
    not precision.bfloat16(CPU).native or bool(compile_error(CPU)), reason="no bfloat16 or no compiler"
)
def test_weights_are_packed_once_and_not_at_every_call(capfd: pytest.CaptureFixture[str]) -> None:
    # A model that was compiled before for another size must not make this one fit for any size.
    optimize(nn.Linear(8, 8)).model(torch.ones(2, 8))
    images = torch.randn(4, 3, 16, 16)
    model = optimize(nn.Sequential(nn.Conv2d(3, 64, 3), nn.ReLU(), nn.Conv2d(64, 64, 3))).model
    model(images)
    capfd.readouterr()
    with torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON):
        model(images)
    steps = [line for line in capfd.readouterr().out.splitlines() if ",exec," in line]
    assert sum(",convolution," in each for each in steps) == 2
    assert not any(",reorder," in each for each in steps)


def test_without_a_compiler_the_reason_is_given(monkeypatch: pytest.MonkeyPatch, without_bf16: None) -> None:
    def fail(model: nn.Module) -> nn.Module:
        raise RuntimeError("no C++ compiler")

    monkeypatch.setattr(torch, "compile", fail)
    model, x = nn.Linear(2, 2), torch.ones(1, 2)
    optimized = optimize(model)
    assert torch.equal(optimized.model(x), model(x))
    assert optimized.not_done[-1].startswith(
        "torch.compile: RuntimeError: no C++ compiler (on a CPU it needs g++"
    )


def test_a_stand_in_ipex_for_this_device_optimizes_the_model(
    monkeypatch: pytest.MonkeyPatch, with_bf16: None
) -> None:
    asked: list[torch.dtype] = []

    def wrap(model: nn.Module, dtype: torch.dtype) -> nn.Module:
        asked.append(dtype)
        return nn.Identity()

    stand_in_ipex(monkeypatch, "2.8.0+cpu", SimpleNamespace(optimize=wrap))
    optimized = optimize(nn.Linear(2, 2))
    assert isinstance(optimized.model.model, nn.Identity)
    assert asked == [torch.bfloat16]
    assert optimized.done[-1] == "Intel Extension for PyTorch 2.8.0+cpu"
    assert optimized.not_done == ("torch.compile: IPEX has optimized the model",)


def test_a_stand_in_ipex_for_another_device_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, without_bf16: None
) -> None:
    stand_in_ipex(monkeypatch, "2.8.10+xpu", AssertionError("must not be imported"))
    assert optimize(nn.Linear(2, 2), compile=False).done == ("evaluation mode on cpu",)


def test_compilation_is_tried_once_per_process(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[nn.Module] = []

    def record(model: nn.Module) -> nn.Module:
        tried.append(model)
        return model

    monkeypatch.setattr(torch, "compile", record)
    assert (compilation.compile_error(CPU), compilation.compile_error(CPU), len(tried)) == ("", "", 1)
