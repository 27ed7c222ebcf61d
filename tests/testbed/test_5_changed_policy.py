"""Another driver branch, source or Intel channel: one transaction, one reboot at most, a coherent host."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.testbed.lab import ROOT, Finished, installed, lab_file, on, provision_lab, reboots, transactions

ONE_CHANGED = "xpulab: hosts=1 converged=1 changed=1 refused=0 failed=0"
HOSTS = ("noble1", "debian1", "mixed1", "max1")
RELEASES = {"580": "580.178.04", "595": "595.91.07"}
RELEASES_OF_NVIDIA = {"580": "580.178.04", "595": "595.91.07"}


@pytest.fixture(scope="module", autouse=True)
def hosts(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Hosts with the defaults, as an earlier module left them or made now."""
    subprocess.run(["testbed/up", *HOSTS], cwd=ROOT, check=True)
    done = provision_lab(lab_file(tmp_path_factory.mktemp("lab"), *HOSTS))
    assert "converged=4" in done.last_line, done.everything


def change(folder: Path, host: str, expected_reboots: int, **policy: str) -> Finished:
    """Provision the host by a policy: it changes, in one transaction and as many reboots."""
    before = transactions(host), reboots(host)
    done = provision_lab(lab_file(folder, host, **{host: {"policy": policy}}))
    assert done.last_line == ONE_CHANGED, done.everything
    assert transactions(host) - before[0] == 1
    assert reboots(host) - before[1] == expected_reboots
    return done


def assert_coherent(host: str, driver: str) -> None:
    """One driver from top to bottom: the module that runs, the one on disk, and the libraries."""
    assert on(host, "cat /sys/module/nvidia/version").strip() == driver
    assert on(host, "modinfo -F version nvidia").strip() == driver
    assert on(host, "nvidia-smi --query-gpu=driver_version --format=csv,noheader").strip() == driver
    assert on(host, "dpkg --audit") == ""


def of_branch(host: str, branch: str) -> list[str]:
    """Packages of a driver branch, by the name or the version that they have."""
    return [
        name
        for name, version in installed(host).items()
        if "nvidia" in name and (f"-{branch}" in name or version.startswith(f"{branch}."))
    ]


@pytest.mark.parametrize(("host", "releases"), [("noble1", RELEASES), ("debian1", RELEASES_OF_NVIDIA)])
def test_another_driver_branch_and_back(tmp_path: Path, host: str, releases: dict[str, str]) -> None:
    for branch, other in (("595", "580"), ("580", "595")):
        change(tmp_path, host, 1, nvidia_driver=branch)
        assert_coherent(host, releases[branch])
        assert of_branch(host, branch)
        assert of_branch(host, other) == []


def test_nvidias_repository_instead_of_the_archive_and_back(tmp_path: Path) -> None:
    # It is the same version of the driver, and the module that runs is as good as the one on disk.
    change(tmp_path, "mixed1", 0, nvidia_source="cuda")
    assert_coherent("mixed1", "580.178.04")
    there = installed("mixed1")
    assert {"nvidia-open-580", "nvidia-driver-pinning-580", "gcc-12"} <= set(there)
    assert [name for name in there if "-server" in name and "nvidia" in name] == []
    assert "nvidia/580.178.04, 6.8.0-87-generic, x86_64: installed" in on("mixed1", "dkms status")

    change(tmp_path, "mixed1", 0)
    assert_coherent("mixed1", "580.178.04")
    there = installed("mixed1")
    assert "nvidia-open-580" not in there
    assert "nvidia-utils-580-server" in there


def test_both_vendors_in_one_host(tmp_path: Path) -> None:
    done = provision_lab(lab_file(tmp_path, "mixed1", mixed1={"policy": {"prefer": "both"}}))
    assert done.last_line == ONE_CHANGED, done.everything
    assert {"libze-intel-gpu1", "nvidia-utils-580-server"} <= set(installed("mixed1"))
    assert "A770" in on("mixed1", "clinfo -l")
    assert "RTX 3090" in on("mixed1", "nvidia-smi -L")


def test_another_intel_channel_swaps_every_package_and_back(tmp_path: Path) -> None:
    old = installed("max1")["intel-i915-dkms"]
    change(tmp_path, "max1", 1, intel_channel="lts/2350")
    there = installed("max1")
    assert {"intel-level-zero-gpu", "level-zero"} <= set(there)
    assert not {"libze-intel-gpu1", "libze1"} & set(there)
    assert there["intel-i915-dkms"] != old
    assert there["intel-i915-dkms"].startswith(on("max1", "cat /sys/module/i915/version").strip())

    change(tmp_path, "max1", 1)
    there = installed("max1")
    assert {"libze-intel-gpu1", "libze1"} <= set(there)
    assert not {"intel-level-zero-gpu", "level-zero"} & set(there)
    assert there["intel-i915-dkms"] == old
