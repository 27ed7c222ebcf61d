from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from stand_ins import stand_in_cuda, stand_in_cuda_build, stand_in_ipex, stand_in_xpu, stand_in_xpu_build
from xpudevice import DeviceError, get_device
from xpudevice.availability import availability, product_error


@pytest.fixture
def render_node(tmp_path: Path) -> Path:
    node = tmp_path / "renderD128"
    node.touch()
    return node


def test_a_machine_without_a_gpu_computes_on_the_cpu() -> None:
    assert get_device() == torch.device("cpu")
    assert product_error(get_device()) == ""


def test_importing_the_package_starts_no_device_and_no_compiler() -> None:
    code = (
        "import sys, torch; before = set(sys.modules); import xpudevice; new = set(sys.modules) - before\n"
        "assert not torch.cuda.is_initialized()\n"
        "print(*sorted(new - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = done.stdout.split()
    # torch's own module for remote modules bears no name of its package
    assert {each.partition(".")[0] for each in imported} <= {
        "xpudevice",
        "torch",
        "_remote_module_non_scriptable",
    }
    assert not [
        each for each in imported if each.startswith(("torch._dynamo", "torch._inductor", "torch.cuda"))
    ]
    # What asks for a device works with no more of PyTorch than devices; the testbed's stand-in has no more.
    assert not {"xpudevice.fed", "xpudevice.inference", "xpudevice.training", "xpudevice.int8"} & set(
        imported
    )


def test_cuda_comes_before_xpu_with_stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_cuda(monkeypatch)
    stand_in_xpu(monkeypatch)
    assert get_device() == torch.device("cuda")


def test_xpu_comes_before_the_cpu_with_a_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_xpu(monkeypatch)
    assert get_device() == torch.device("xpu")


def test_a_broken_stand_in_cuda_device_is_passed_over_and_the_log_says_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stand_in_cuda(monkeypatch, error="CUDA error: no kernel image is available for execution on the device")
    assert get_device() == torch.device("cpu")
    assert get_device() == torch.device("cpu")
    warnings = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "cuda is not used: cuda:0 does not compute: CUDA error: no kernel image" in warnings[0]
    assert "get_arch_list" in warnings[0]


@pytest.mark.parametrize("value", ["cpu", " CPU "])
def test_the_override_wins_over_a_stand_in_gpu(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    stand_in_cuda(monkeypatch)
    monkeypatch.setenv("XPULAB_DEVICE", value)
    assert get_device() == torch.device("cpu")


def test_an_override_that_does_not_work_says_why_and_what_works_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XPULAB_DEVICE", "cuda")
    with pytest.raises(DeviceError) as raised:
        get_device()
    assert f"XPULAB_DEVICE=cuda, but PyTorch {torch.__version__} is built without CUDA" in str(raised.value)
    assert "what works here: cpu (1)" in str(raised.value)
    assert "use a PyTorch that is built for CUDA" in str(raised.value)


def test_cuda_asked_for_on_a_stand_in_intel_host_names_the_xpu(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_xpu(monkeypatch, count=2)
    monkeypatch.setenv("XPULAB_DEVICE", "cuda")
    with pytest.raises(DeviceError, match=r"what works here: xpu \(2\), cpu \(1\)"):
        get_device()


def test_a_misspelt_override_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XPULAB_DEVICE", "gpu")
    with pytest.raises(DeviceError, match=r"XPULAB_DEVICE=gpu names no device.*set it to cuda, xpu or cpu"):
        get_device()


def test_an_empty_override_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XPULAB_DEVICE", "")
    assert get_device() == torch.device("cpu")


def test_under_torchrun_each_process_has_its_own_stand_in_device(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_cuda(monkeypatch, count=2)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert get_device() == torch.device("cuda", 1)


def test_more_processes_than_stand_in_devices_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_cuda(monkeypatch, count=2)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(DeviceError, match=r"local rank 2, but there are 2 cuda devices.*--nproc-per-node 2"):
        get_device()


def test_a_stand_in_cuda_build_without_a_card_points_at_the_container(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stand_in_cuda_build(monkeypatch, nodes=[])
    found = availability("cuda")
    assert not found.works and not found.broken
    assert "/dev/nvidia0" in found.reason and "--gpus all" in found.remedy


def test_a_stand_in_card_whose_cuda_does_not_start_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_cuda_build(monkeypatch, nodes=[Path("/dev/nvidia0")])
    found = availability("cuda")
    assert found.broken
    # The real error of this build's torch.cuda.init().
    assert "CUDA does not start: Torch not compiled with CUDA enabled" in found.reason


def test_a_stand_in_xpu_build_without_a_card_points_at_the_container(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_xpu_build(monkeypatch, nodes=[])
    found = availability("xpu")
    assert not found.works and not found.broken
    assert "--device /dev/dri" in found.remedy


def test_a_stand_in_xpu_that_the_user_may_not_open_names_the_group(
    monkeypatch: pytest.MonkeyPatch, render_node: Path
) -> None:
    stand_in_xpu_build(monkeypatch, nodes=[render_node])
    monkeypatch.setattr("xpudevice.availability.may_open", lambda node: False)
    found = availability("xpu")
    assert found.broken
    assert f"--group-add {render_node.stat().st_gid}" in found.remedy


def test_a_stand_in_xpu_without_level_zero_names_the_packages(
    monkeypatch: pytest.MonkeyPatch, render_node: Path
) -> None:
    stand_in_xpu_build(monkeypatch, nodes=[render_node])
    found = availability("xpu")
    assert found.broken
    assert "libze-intel-gpu1" in found.remedy


def test_a_stand_in_ipex_that_cannot_be_imported_leaves_a_plain_build_without_xpu(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stand_in_ipex(monkeypatch, "2.5.10+xpu", OSError("libsycl.so.8: cannot open shared object file"))
    assert "built without XPU" in availability("xpu").reason
    assert "2.5.10+xpu cannot be imported: libsycl.so.8" in caplog.text
