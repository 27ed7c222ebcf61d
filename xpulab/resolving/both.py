"""A host that uses accelerators of two vendors: two drivers, one image."""

from __future__ import annotations

from dataclasses import replace

from xpulab.catalog.models import Catalog
from xpulab.resolving.plan import Plan
from xpulab.resolving.target import Beside
from xpulab.schema.refusal import Refusal


def combine(first: Plan, second: Plan, catalog: Catalog) -> Plan | Refusal:
    """Both vendors' accelerators and drivers, the first one's image, and the kernel that suits both.

    No image holds PyTorch for two vendors, and a host has one image to keep and to verify: that of the vendor
    that wins by default. The other one's is named in a note. A refusal where each wants a kernel of its own.
    """
    if second.driver is None:
        raise ValueError("the plan for a vendor's accelerators has a driver")
    one, other = (catalog.title_of(each.vendor) for each in (first, second))
    kernels = {(each.kernel_flavour, each.kernel_upgrade) for each in (first, second) if not each.any_kernel}
    if len(kernels) > 1:
        return Refusal(
            f"the {one} and the {other} accelerators of this host need different kernels",
            f"set policy prefer: {first.vendor} or {second.vendor} and leave the other one idle",
        )
    flavour, upgrade = kernels.pop() if kernels else (first.kernel_flavour, first.kernel_upgrade)
    note = f"the image serves the {one} GPU; for the {other} GPU: docker pull {second.image.reference}"
    return replace(
        first,
        accelerators=first.accelerators + second.accelerators,
        kernel_flavour=flavour,
        kernel_upgrade=upgrade,
        notes=(*first.notes, *second.notes, note),
        beside=Beside(second.vendor, second.driver),
        about_accelerators=first.about_accelerators + second.about_accelerators,
        about_driver=first.about_driver + second.about_driver,
    )
