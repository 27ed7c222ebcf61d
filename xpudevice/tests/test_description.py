from __future__ import annotations

import json
from dataclasses import asdict

import pytest
import torch

from stand_ins import stand_in_cuda, stand_in_xpu
from xpudevice import DeviceError, describe
from xpudevice.hardware import cpu_name


def test_a_cpu_is_described_with_why_there_is_nothing_else() -> None:
    found = describe()
    assert (found.device, found.name, found.count, found.backend) == ("cpu", cpu_name(), 1, "gloo")
    assert found.torch == torch.__version__
    assert found.threads == torch.get_num_threads()
    assert found.memory > 2**28
    assert set(found.not_chosen) == {"cuda", "xpu"}
    assert "built without CUDA" in found.not_chosen["cuda"]


def test_a_description_is_plain_data_and_a_table() -> None:
    found = describe()
    assert json.loads(json.dumps(asdict(found)))["device"] == "cpu"
    assert f"device       cpu: {cpu_name()}" in str(found)
    assert "left to CPU" not in str(found)
    assert "not xpu      PyTorch" in str(found)


def test_stand_in_nvidia_cards_are_described(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_cuda(monkeypatch, count=2)
    found = describe()
    assert (found.device, found.count, found.build, found.bf16) == ("cuda", 2, "CUDA 13.0", True)
    assert found.memory == 24 * 2**30
    assert "2 × NVIDIA GeForce RTX 3090, 24.0 GiB" in str(found)
    assert found.not_chosen["cpu"] == "works, but cuda comes first"


def test_a_stand_in_intel_card_without_a_backend_is_still_described(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_xpu(monkeypatch, has_bfloat16_conversions=True)
    found = describe()
    assert (found.device, found.name, found.build) == ("xpu", "Intel Arc A770 Graphics", "XPU")
    assert found.backend.startswith("none: PyTorch")
    # This build has no operator for XPU, so none of them is left to the CPU.
    assert "left to CPU  0 operators; those that PyTorch does not have for XPU are an error" in str(found)


def test_a_stand_in_card_passed_over_by_the_override_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_cuda(monkeypatch)
    monkeypatch.setenv("XPULAB_DEVICE", "cpu")
    assert describe().not_chosen["cuda"] == "works, but XPULAB_DEVICE=cpu"


def test_what_cannot_be_had_cannot_be_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XPULAB_DEVICE", "xpu")
    with pytest.raises(DeviceError, match="built without XPU"):
        describe()
