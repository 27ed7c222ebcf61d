from __future__ import annotations

import pytest
import torch

from stand_ins import stand_in_cuda, stand_in_xpu
from xpudevice import autocast, precision
from xpudevice.precision import bfloat16


def product_dtype() -> torch.dtype:
    return (torch.ones(4, 4) @ torch.ones(4, 4)).dtype


def test_autocast_computes_in_bfloat16_where_the_cpu_is_good_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "cpu_flags", lambda: frozenset({"amx_bf16", "avx2"}))
    with autocast():
        assert product_dtype() == torch.bfloat16
    assert product_dtype() == torch.float32


def test_autocast_stays_in_float32_on_an_older_cpu_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(precision, "cpu_flags", lambda: frozenset({"avx2"}))
    with autocast():
        assert product_dtype() == torch.float32
    assert "autocast on cpu stays in full precision: the CPU has none of amx_bf16" in caplog.text


def test_a_precision_that_is_named_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "cpu_flags", lambda: frozenset())
    with autocast(dtype=torch.bfloat16):
        assert product_dtype() == torch.bfloat16


def test_autocast_decorates_a_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "cpu_flags", lambda: frozenset({"avx512_bf16"}))
    assert autocast()(product_dtype)() == torch.bfloat16


def test_a_cpu_build_without_onednn_is_not_good_at_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "onednn_available", lambda: False)
    assert bfloat16(torch.device("cpu")).reason == "this PyTorch is built without oneDNN"


@pytest.mark.parametrize(("capability", "native"), [((7, 5), False), ((8, 0), True), ((12, 0), True)])
def test_stand_in_nvidia_cards_are_good_at_bfloat16_from_ampere_on(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], native: bool
) -> None:
    stand_in_cuda(monkeypatch, capability=capability)
    assert bfloat16(torch.device("cuda")).native is native


def test_stand_in_intel_cards_say_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_xpu(monkeypatch, has_bfloat16_conversions=False)
    assert not bfloat16(torch.device("xpu")).native


def test_a_stand_in_intel_card_on_an_old_pytorch_is_taken_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_xpu(monkeypatch)
    assert bfloat16(torch.device("xpu")).native
