"""Intel GPUs, told by their device ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
        return _unknown_integrated(function, facts)
    key, name = found
    family = facts.devices[key]
    accelerator = Accelerator(function.address, function.pci_id, f"Intel {name}", key)
    if family.pytorch == "preview":
        return Unusable("intel", label(accelerator), f"PyTorch supports {family.title} only as a preview")
    if family.pytorch == "none":
        why = f"PyTorch does not support {family.title} graphics"
        return Ignored(why, f"{label(accelerator)} is ignored: {why}")
    return accelerator


def _unknown_integrated(function: PciFunction, facts: IntelFacts) -> Ignored | None:
    """A processor's own GPU, older or newer than the catalog: no card beside it suffers from it."""
    if function.address != facts.integrated.position.address:
        return None
    why = "part of the processor, and none that xpulab knows"
    return Ignored(why, f"Intel GPU {function.pci_id} at {function.address} is {why}: ignored")


def beside_cards(
    accelerators: Sequence[Accelerator], catalog: Catalog
) -> tuple[tuple[Accelerator, ...], tuple[Accelerator, ...]]:
    """Those that PyTorch uses, and the integrated ones that it hides where there is a card."""
    families = catalog.of(IntelFacts).devices
    cards = tuple(each for each in accelerators if not families[each.family].integrated)
    if not cards:
        return tuple(accelerators), ()
    return cards, tuple(each for each in accelerators if each not in cards)


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
