"""The running kernel among those the catalog knows for its operating system."""

from __future__ import annotations

import re

from xpulab.catalog.systems import Kernel, OperatingSystem
from xpulab.target import Refusal

# Such as 5.15.0-161-generic: series, patch level, ABI, flavour suffix.
UNAME = re.compile(r"(?P<series>\d{1,3}\.\d{1,3})\.\d+-\d+-(?P<suffix>[a-z0-9-]+)", re.ASCII)


def identify(release: str, system: OperatingSystem) -> Kernel | Refusal:
    """The catalog's kernel that `uname -r` names, or a refusal that says which kernels would do."""
    found = UNAME.fullmatch(release)
    for kernel in system.kernels:
        if found and (found["series"], found["suffix"]) == (kernel.series, kernel.suffix):
            return kernel
    choices = " or ".join(
        f"linux-{kernel.flavour} ({kernel.title}, {kernel.series})" for kernel in system.kernels
    )
    return Refusal(
        reason=f"kernel {release or '(none)'} is not one that xpulab knows drivers for on {system.title}",
        remedy=f"apt install {choices}, reboot into it, and run again",
    )
