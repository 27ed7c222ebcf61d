"""A host that uses accelerators of both vendors: two drivers, one image."""

from __future__ import annotations

from dataclasses import replace

from xpulab.resolving.plan import Plan
from xpulab.resolving.target import Beside


def combine(nvidia: Plan, intel: Plan) -> Plan:
    """Both vendors' accelerators and drivers, NVIDIA's image, and the kernel that suits both.

    No image holds PyTorch for both vendors, and a host has one image to keep and to verify: NVIDIA's, the
    vendor that wins by default. Intel's is named in a note. NVIDIA's modules exist for every kernel of the
    system, so Intel's demand on the kernel decides.
    """
    if intel.driver is None:
        raise ValueError("an Intel plan has a driver")
    note = f"the image serves the NVIDIA GPU; for the Intel GPU: docker pull {intel.image.reference}"
    return replace(
        nvidia,
        accelerators=nvidia.accelerators + intel.accelerators,
        kernel_flavour=intel.kernel_flavour,
        kernel_upgrade=intel.kernel_upgrade,
        notes=(*nvidia.notes, *intel.notes, note),
        beside=Beside("intel", intel.driver),
    )
