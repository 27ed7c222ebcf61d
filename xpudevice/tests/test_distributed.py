from __future__ import annotations

import sys
from types import ModuleType

import pytest
import torch
import torch.distributed as dist

from xpudevice import DeviceError, distributed_backend

XPU, CUDA = torch.device("xpu"), torch.device("cuda")


def test_a_cpu_talks_gloo() -> None:
    assert distributed_backend() == "gloo"


def test_stand_in_nvidia_cards_talk_nccl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dist, "is_nccl_available", lambda: True)
    assert distributed_backend(CUDA) == "nccl"


def test_stand_in_nvidia_cards_without_nccl_get_gloo_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert not dist.is_nccl_available()
    assert distributed_backend(CUDA) == "gloo"
    assert "has no NCCL" in caplog.text


def test_stand_in_intel_cards_talk_xccl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dist, "is_xccl_available", lambda: True)
    assert distributed_backend(XPU) == "xccl"


def test_stand_in_intel_cards_on_an_old_pytorch_talk_ccl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(dist, "is_xccl_available")
    monkeypatch.setitem(sys.modules, "oneccl_bindings_for_pytorch", ModuleType("stand-in"))
    assert distributed_backend(XPU) == "ccl"


def test_intel_cards_with_neither_are_refused_with_what_to_do() -> None:
    with pytest.raises(DeviceError, match=r"has no XCCL.*No module named.*PyTorch 2\.8 or later"):
        distributed_backend(XPU)
