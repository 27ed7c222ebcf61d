"""The vendors' package names that the checks look for, as the vendors spell them."""

from __future__ import annotations

import re
from collections.abc import Iterable

TOOLKIT = (
    "nvidia-container-toolkit",
    "nvidia-container-toolkit-base",
    "libnvidia-container-tools",
    "libnvidia-container1",
)
TOOLKIT_MINIMUM = "1.19.1"
"""The first version without CVE-2026-24260, a container escape."""

# Tools beside the driver that carry versions of their own are left out.
_NVIDIA_DRIVER = re.compile(
    r"^(nvidia|libnvidia|linux-modules-nvidia|linux-objects-nvidia|linux-signatures-nvidia|cuda-drivers)"
    r"(?!-(container|docker|cuda|prime|settings|modprobe|driver-pinning))(-|$)"
)
_NVIDIA_USER_SPACE = re.compile(r"^(nvidia-utils|libnvidia-compute|nvidia-compute-utils)(-\d+)?(-server)?$")
_NVIDIA_MODULES = re.compile(r"^(linux-modules-nvidia|nvidia-dkms)(-|$)")
INTEL_DRIVER = (
    "libze-intel-gpu1",
    "intel-level-zero-gpu",
    "libze1",
    "level-zero",
    "intel-opencl-icd",
    "intel-i915-dkms",
    "intel-fw-gpu",
)
ENGINES = ("docker.io", "docker-ce")


def nvidia_driver(names: Iterable[str]) -> list[str]:
    """Those of the NVIDIA driver: user space and kernel modules."""
    return sorted(name for name in names if _NVIDIA_DRIVER.match(name) and name not in TOOLKIT)


def nvidia_user_space(names: Iterable[str]) -> list[str]:
    """Those whose version must be that of the kernel module."""
    return sorted(name for name in names if _NVIDIA_USER_SPACE.match(name))


def nvidia_modules(names: Iterable[str]) -> list[str]:
    """Those that bring the NVIDIA kernel modules, prebuilt or through DKMS."""
    return sorted(name for name in names if _NVIDIA_MODULES.match(name))


def intel_driver(names: Iterable[str]) -> list[str]:
    """Those of Intel's compute driver."""
    return sorted(name for name in names if name in INTEL_DRIVER)


def accelerator_stack(names: Iterable[str]) -> list[str]:
    """All that the main job may install for accelerators and containers."""
    known = list(names)
    others = [name for name in known if name in TOOLKIT or name in ENGINES]
    return sorted({*nvidia_driver(known), *intel_driver(known), *others})
