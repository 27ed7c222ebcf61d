"""One host of every kind of card and system: each gets what is right for it, or is refused and left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from tests.testbed.lab import (
    ROOT,
    TESTBED_HOSTS,
    Finished,
    installed,
    on,
    pyinfra,
    reboots,
    state_of,
    transactions,
)


@dataclass(frozen=True)
class Right:
    """What is right for a host: packages, PyTorch image, module, and what the image's torch counts."""

    packages: tuple[str, ...]
    image: str
    module: str
    devices: int = 1
    reboots: int = 1


SIGNED = "linux-modules-nvidia-580-server"
CUDA_13 = "pytorch/pytorch:2.14.1-cuda13.0-cudnn9-runtime"
XPU = "intel/pytorch:xpu-2.13.0-ubuntu24.04"
RIGHT = {
    "pascal1": Right((f"{SIGNED}-generic",), "pytorch/pytorch:2.14.1-cuda12.6-cudnn9-runtime", "nvidia"),
    "blackwell1": Right((f"{SIGNED}-open-generic",), CUDA_13, "nvidia", reboots=0),
    "hopper1": Right(
        (f"{SIGNED}-open-generic", "nvidia-fabricmanager-580", "libnvidia-nscq-580"),
        CUDA_13,
        "nvidia",
        devices=2,
        reboots=0,
    ),
    "noble1": Right((f"{SIGNED}-open-generic",), CUDA_13, "nvidia"),
    "worn1": Right((f"{SIGNED}-open-generic",), CUDA_13, "nvidia"),
    "mixed1": Right((f"{SIGNED}-open-generic-hwe-22.04",), CUDA_13, "nvidia"),
    "debian1": Right(
        ("nvidia-driver-pinning-580", "nvidia-open-580", "linux-headers-amd64"), CUDA_13, "nvidia"
    ),
    "arcb2": Right(("libze-intel-gpu1", "libze1", "intel-gsc"), XPU, "xe", reboots=0),
    "old1": Right(("linux-generic-hwe-22.04", "libze-intel-gpu1"), XPU, "i915"),
    "debarc1": Right(("firmware-misc-nonfree", "firmware-intel-graphics"), XPU, "i915"),
    "max1": Right(
        ("intel-i915-dkms", "libze-intel-gpu1"), "intel/intel-extension-for-pytorch:2.8.10-xpu", "i915"
    ),
}
REFUSED = {
    "arcb1": ("8086:e20b", "6.8", "Ubuntu 24.04"),
    "vgpu1": ("10de:2236", "virtual GPU", "guest driver"),
    "sbmax1": ("8086:0bda", "Secure Boot"),
}
ALL = (*RIGHT, *REFUSED)
BY_NAME = {"XPULAB_TESTBED_HOSTS": ",".join(ALL)}


@pytest.fixture(scope="module")
def bare() -> dict[str, str]:
    """The hosts as new, and the state of those that will be refused."""
    subprocess.run(["testbed/up", "--fresh", *ALL], cwd=ROOT, check=True)
    return state_of(REFUSED)


@pytest.fixture(scope="module")
def first(bare: dict[str, str]) -> Finished:
    """Their first run."""
    return pyinfra("-y", str(TESTBED_HOSTS), "deploys/xpu.py", **BY_NAME)


def torch_of(host: str, image: str, module: str) -> str:
    """What the image's torch says of the host's accelerators."""
    vendor = "cuda" if module == "nvidia" else "xpu"
    group = "--group-add $(stat -c %g /dev/dri/renderD128)"
    access = "--gpus all" if vendor == "cuda" else f"--device /dev/dri {group}"
    say = f"import torch; print(torch.{vendor}.is_available(), torch.{vendor}.device_count())"
    return on(host, f"docker run --rm {access} {image} python -c '{say}'").strip()


def test_all_but_the_hopeless_converge(first: Finished) -> None:
    counts = f"hosts={len(ALL)} converged={len(RIGHT)} changed={len(RIGHT)} refused={len(REFUSED)} failed=0"
    assert first.last_line == f"xpulab: {counts}", first.everything
    assert first.status == 1


@pytest.mark.parametrize("host", REFUSED)
def test_a_hopeless_host_is_told_why_and_left_alone(bare: dict[str, str], first: Finished, host: str) -> None:
    # The reason, and the remedy below it.
    reason_on = first.output.index(f"\n{host}: ")
    said = " ".join(first.output[reason_on:].splitlines()[1:3])
    for word in REFUSED[host]:
        assert word in said, first.everything
    assert state_of([host])[host] == bare[host]


@pytest.mark.parametrize("host", RIGHT)
def test_a_host_has_the_right_packages_and_only_one_apt_transaction(first: Finished, host: str) -> None:
    there = installed(host)
    assert set(RIGHT[host].packages) <= set(there)
    assert transactions(host) == 1
    # Of each pair, the one that would be wrong beside what is there.
    if f"{SIGNED}-generic" in there:
        assert f"{SIGNED}-open-generic" not in there
    if "libze-intel-gpu1" in there:
        assert "intel-level-zero-gpu" not in there


@pytest.mark.parametrize("host", RIGHT)
def test_the_right_module_drives_the_card(first: Finished, host: str) -> None:
    assert on(host, f"cat /sys/module/{RIGHT[host].module}/initstate").strip() == "live"
    assert "nouveau" not in on(host, "lsmod") or RIGHT[host].module != "nvidia"


@pytest.mark.parametrize("host", RIGHT)
def test_a_host_rebooted_only_where_it_had_to(first: Finished, host: str) -> None:
    assert reboots(host) <= RIGHT[host].reboots


@pytest.mark.parametrize("host", RIGHT)
def test_the_right_image_sees_every_card(first: Finished, host: str) -> None:
    right = RIGHT[host]
    assert torch_of(host, right.image, right.module) == f"True {right.devices}"


def test_cards_that_no_driver_will_come_to_drive_are_named_and_left_out(first: Finished) -> None:
    notes = on("worn1", "cat /etc/xpulab/host.json")
    for slot, why in {"02": "vfio-pci holds it", "03": "does not answer", "04": "no place in memory"}.items():
        assert any(f"0000:{slot}:00.0" in line and why in line for line in notes.splitlines()), notes


def test_an_old_kernel_gave_way_to_one_that_drives_the_card(first: Finished) -> None:
    assert on("old1", "uname -r").strip() == "6.8.0-87-generic"
    assert reboots("old1") == 1


def test_debians_own_kernel_gave_way_to_the_one_of_the_same_name_and_the_arc_kept_its_firmware(
    first: Finished,
) -> None:
    assert on("debarc1", "uname -r").strip() == "6.12.95+deb12-amd64"
    assert reboots("debarc1") == 1
    on("debarc1", "test -s /lib/firmware/i915/dg2_guc_70.bin")


def test_cuda_behind_an_nvswitch_waits_for_the_fabric_manager(first: Finished) -> None:
    assert on("hopper1", "systemctl is-active nvidia-fabricmanager").strip() == "active"
    on("hopper1", "systemctl stop nvidia-fabricmanager")
    assert torch_of("hopper1", CUDA_13, "nvidia") == "False 2"
    repaired = pyinfra("-y", str(TESTBED_HOSTS), "deploys/xpu.py", XPULAB_TESTBED_HOSTS="hopper1")
    assert repaired.last_line == "xpulab: hosts=1 converged=1 changed=1 refused=0 failed=0", (
        repaired.everything
    )
    assert torch_of("hopper1", CUDA_13, "nvidia") == "True 2"


def test_verify_passes_on_all_that_converged(first: Finished) -> None:
    done = subprocess.run(
        [
            *[sys.executable, "-m", "pytest", "tests/verify", "--lab", str(TESTBED_HOSTS)],
            *["-n", "4", "-q", "-p", "no:cacheprovider"],
        ],
        cwd=ROOT,
        env={**os.environ, "XPULAB_TESTBED_HOSTS": ",".join(RIGHT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_a_second_run_changes_nothing(first: Finished) -> None:
    second = pyinfra("-y", str(TESTBED_HOSTS), "deploys/xpu.py", **BY_NAME)
    counts = f"hosts={len(ALL)} converged={len(RIGHT)} changed=0 refused={len(REFUSED)} failed=0"
    assert second.last_line == f"xpulab: {counts}", second.everything
