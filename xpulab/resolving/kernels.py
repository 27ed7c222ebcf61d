"""The running kernel among those the catalog knows for its operating system, and the one to run instead."""

from __future__ import annotations

import re

from xpulab.catalog.entry import release as numbers
from xpulab.catalog.systems import Kernel, OperatingSystem
from xpulab.resolving.reason import Reason
from xpulab.resolving.target import KernelUpgrade, Refusal

# Such as 5.15.0-161-generic or Debian's 6.1.0-28-amd64 and 6.12.12+bpo-amd64: series, patch level, ABI,
# flavour suffix.
UNAME = re.compile(
    r"(?P<series>\d{1,3}\.\d{1,3})\.\d+(-\d+|\+bpo|\+deb\d+)+-(?P<suffix>[a-z][a-z0-9-]*)", re.ASCII
)


def identify(release: str, system: OperatingSystem) -> Kernel | Refusal:
    """The catalog's kernel that `uname -r` names, or a refusal that says which kernels would do."""
    found = UNAME.fullmatch(release)
    for kernel in system.kernels:
        if found and (found["series"], found["suffix"]) == (kernel.series, kernel.suffix):
            return kernel
    choices = " or ".join(
        f"{system.meta_package(kernel)} ({kernel.title}, {kernel.series})"
        for kernel in system.kernels
        if not kernel.superseded
    )
    return Refusal(
        reason=f"kernel {release or '(none)'} is not one that xpulab knows drivers for on {system.title}",
        remedy=f"apt install {choices}, reboot into it, and run again",
    )


def upgrade(running: Kernel, needed: str, system: OperatingSystem) -> KernelUpgrade | None:
    """The upgrade to the first series from `needed` on that a meta package brings today, None without one.

    A later kernel boots by itself once it is installed; an earlier one would not, so this never goes back.
    """
    if not running.suffix.startswith(("generic", "amd64")):
        return None  # cloud and lowlatency kernels are an owner's choice
    for kernel in system.kernels:
        fits = numbers(kernel.series) >= numbers(needed) and kernel.suffix == running.suffix
        if fits and not kernel.superseded:
            return KernelUpgrade(system.meta_package(kernel), needed, kernel.flavour, kernel.repository)
    return None


def is_older(release: str, series: str) -> bool:
    """Whether the kernel that `uname -r` names is of an older series; an unreadable name is not."""
    found = UNAME.fullmatch(release)
    return found is not None and numbers(found["series"]) < numbers(series)


def why_kernel(running: str, flavour: str, change: KernelUpgrade | None, system: OperatingSystem) -> Reason:
    """Why the kernel stays, or why another one is installed."""
    if change is None:
        return Reason("kernel", running, f"it suits the driver; its packages follow {flavour}", system)
    return Reason(
        "kernel",
        f"{change.package}, then a reboot",
        f"the accelerator needs kernel {change.series} or later, and {running} runs",
        system,
    )
