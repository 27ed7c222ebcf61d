"""Intel GPUs, told by their device ids."""

from __future__ import annotations

from collections.abc import Iterator

from xpulab.catalog.models import Catalog
from xpulab.probing.observed import PciFunction
from xpulab.resolving.devices import Found, Ignored, Unusable, label
from xpulab.resolving.intel.facts import IntelFacts
from xpulab.resolving.reason import Reason
from xpulab.resolving.target import Accelerator
from xpulab.resolving.vendor import Kind


def classify(function: PciFunction, catalog: Catalog) -> Found:
    """The GPU that a display or processing function of Intel's is."""
    facts = catalog.of(IntelFacts)
    found = facts.by_device.get(function.device.lower())
    if found is None:
        return None
    key, name = found
    family = facts.devices[key]
    accelerator = Accelerator(function.address, function.pci_id, f"Intel {name}", key)
    if family.pytorch == "preview":
        return Unusable("intel", label(accelerator), f"PyTorch supports {family.title} only as a preview")
    if family.pytorch == "none":
        why = f"PyTorch does not support {family.title} graphics"
        return Ignored(why, f"{label(accelerator)} is ignored: {why}")
    return accelerator


def first_kernel(accelerator: Accelerator, catalog: Catalog) -> str | None:
    """The first kernel series that drives a GPU, None where its channel brings the module."""
    family = catalog.of(IntelFacts).devices[accelerator.family]
    return family.kernel_for(accelerator.pci_id[-4:].lower())


def reason(accelerator: Accelerator, catalog: Catalog) -> Reason:
    """How a GPU was told."""
    family, needed = catalog.of(IntelFacts).devices[accelerator.family], first_kernel(accelerator, catalog)
    kernel = f"kernel {needed} or later" if needed else "a kernel module built on the host"
    return Reason(
        "accelerator",
        f"{accelerator.name} ({accelerator.pci_id})",
        f"{accelerator.family} ({family.title}): driver {family.driver}, {kernel}; PyTorch supports it",
        family,
    )


def kinds(catalog: Catalog) -> Iterator[Kind]:
    """Every product: its devices may differ in the kernel that they need."""
    for family in catalog.of(IntelFacts).devices.values():
        for name, devices in family.devices.items():
            if devices:
                yield Kind(family.title, name, devices)
