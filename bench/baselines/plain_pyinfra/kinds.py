"""The four kinds of host: what a host in each inventory group is to have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

COMMON_PACKAGES = ("ca-certificates", "pciutils", "docker.io")
# Docker's own packages conflict with the distribution's.
COMMON_CONFLICTS = ("docker-ce", "docker-ce-cli", "docker-ce-rootless-extras", "containerd.io")


@dataclass(frozen=True)
class Repository:
    """A vendor's apt repository."""

    name: str
    key_url: str
    uri: str
    suite: str
    components: str = ""


@dataclass(frozen=True)
class Kind:
    """What the hosts of one group have in common; in package names `{kernel}` is the running kernel."""

    image: str
    record: dict[str, Any]
    groups: tuple[str, ...] = ("video", "render", "docker")
    repositories: tuple[Repository, ...] = ()
    gpu_packages: tuple[str, ...] = ()
    more_packages: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    kernel_module: str = ""
    daemon_json: dict[str, Any] = field(default_factory=dict)


def _intel_repositories(suite: str) -> tuple[Repository, ...]:
    return (
        Repository(
            "intel-gpu",
            "https://repositories.intel.com/gpu/intel-graphics.key",
            "https://repositories.intel.com/gpu/ubuntu",
            suite,
            "unified",
        ),
        Repository(
            "intel-oneapi",
            "https://apt.repos.intel.com/intel-gpg-keys/GPG-PUB-KEY-INTEL-SW-PRODUCTS.PUB",
            "https://apt.repos.intel.com/oneapi",
            "all",
            "main",
        ),
    )


_TOOLKIT = "1.20.1-1"
_INTEL_USER_SPACE = ("libze-intel-gpu1", "libze1", "intel-opencl-icd", "clinfo")

KINDS = {
    "nvidia": Kind(
        image="pytorch/pytorch:2.14.1-cuda13.0-cudnn9-runtime",
        repositories=(
            Repository(
                "nvidia-container-toolkit",
                "https://nvidia.github.io/libnvidia-container/gpgkey",
                "https://nvidia.github.io/libnvidia-container/stable/deb/$(ARCH)",
                "/",
            ),
        ),
        gpu_packages=(
            "nvidia-utils-580-server",
            "nvidia-headless-no-dkms-580-server",
            "libnvidia-decode-580-server",
            "libnvidia-encode-580-server",
            "libnvidia-extra-580-server",
            "libnvidia-gl-580-server",
            "libnvidia-fbc1-580-server",
            "linux-modules-nvidia-580-server-open-generic",
        ),
        more_packages=(
            f"nvidia-container-toolkit={_TOOLKIT}",
            f"nvidia-container-toolkit-base={_TOOLKIT}",
            f"libnvidia-container-tools={_TOOLKIT}",
            f"libnvidia-container1={_TOOLKIT}",
        ),
        conflicts=(
            "cuda-drivers",
            "nvidia-open",
            "nvidia-driver-580",
            "nvidia-driver-580-open",
            "nvidia-dkms-580-server",
            "nvidia-headless-580-server",
            "linux-modules-nvidia-580-server-generic",
        ),
        kernel_module="nvidia",
        daemon_json={
            "runtimes": {"nvidia": {"path": "nvidia-container-runtime", "args": []}},
            "features": {"cdi": True},
        },
        record={
            "vendor": "nvidia",
            "os": "ubuntu-22.04",
            "accelerators": [
                {
                    "address": "0000:01:00.0",
                    "pci_id": "10de:2204",
                    "name": "NVIDIA GeForce RTX 3090",
                    "family": "ampere",
                    "compute_capability": "8.6",
                }
            ],
            "driver": {"branch": "580", "modules": "open", "source": "archive"},
            "notes": [
                "Intel UHD Graphics 770 (8086:4680 at 0000:00:02.0) is ignored: "
                "PyTorch does not support Alder Lake-S / Raptor Lake-S graphics"
            ],
        },
    ),
    "intel": Kind(
        image="intel/pytorch:xpu-2.13.0-ubuntu24.04",
        repositories=_intel_repositories("jammy"),
        gpu_packages=_INTEL_USER_SPACE,
        more_packages=("intel-oneapi-runtime-libs",),
        conflicts=("intel-level-zero-gpu", "level-zero", "level-zero-dev", "intel-i915-dkms"),
        record={
            "vendor": "intel",
            "os": "ubuntu-22.04",
            "accelerators": [
                {
                    "address": "0000:03:00.0",
                    "pci_id": "8086:56a0",
                    "name": "Intel Arc A770 Graphics",
                    "family": "alchemist",
                    "compute_capability": None,
                }
            ],
            "driver": {"branch": "unified", "modules": "in-tree"},
            "notes": ["Intel does not validate this GPU with PyTorch on Ubuntu 22.04 LTS"],
        },
    ),
    "max": Kind(
        image="intel/intel-extension-for-pytorch:2.8.10-xpu",
        repositories=_intel_repositories("jammy/lts/2523"),
        gpu_packages=(
            "intel-i915-dkms",
            "intel-fw-gpu",
            "linux-headers-{kernel}",
            "linux-modules-extra-{kernel}",
            "flex",
            "bison",
            "xpu-smi",
            *_INTEL_USER_SPACE,
        ),
        more_packages=("intel-oneapi-runtime-libs",),
        conflicts=("intel-level-zero-gpu", "level-zero", "level-zero-dev"),
        kernel_module="i915",
        record={
            "vendor": "intel",
            "os": "ubuntu-22.04",
            "accelerators": [
                {
                    "address": "0000:29:00.0",
                    "pci_id": "8086:0bda",
                    "name": "Intel Data Center GPU Max 1100",
                    "family": "max",
                    "compute_capability": None,
                }
            ],
            "driver": {"branch": "lts/2523", "modules": "dkms"},
            "notes": [
                'Intel archived this image\'s project in March 2026 ("known security issues"); '
                "no newer image is known to match the driver of the Data Center GPU Max"
            ],
        },
    ),
    "cpu": Kind(
        image="intel/pytorch:cpu-2.11.0-ubuntu24.04",
        groups=("docker",),
        record={"vendor": "cpu", "os": "ubuntu-22.04", "accelerators": [], "driver": None, "notes": []},
    ),
}
