"""From PCI functions to accelerators: by vendor, device id and class, never by a name."""

from __future__ import annotations

from collections.abc import Iterable

from xpulab.catalog.models import Catalog
from xpulab.probing.observed import PciFunction
from xpulab.resolving.devices import Devices, Ignored, Unusable
from xpulab.resolving.reach import out_of_reach
from xpulab.resolving.target import Accelerator
from xpulab.resolving.vendors import VENDORS

DISPLAY, PROCESSING = "03", "12"  # PCI base classes: display controllers, processing accelerators


def classify(pci: Iterable[PciFunction], catalog: Catalog) -> Devices:
    """The devices among PCI functions; audio, bridges and switches are no display class and drop out."""
    usable: dict[str, list[Accelerator]] = {name: [] for name in VENDORS}
    unusable: list[Unusable] = []
    unknown: list[PciFunction] = []
    ignored: list[Ignored] = []
    for function in pci:
        if function.pci_class[:2] not in (DISPLAY, PROCESSING):
            continue
        found = _device(function, catalog)
        if isinstance(found, Accelerator):
            usable[catalog.pci_vendors[function.vendor.lower()].use].append(found)
        elif isinstance(found, Unusable):
            unusable.append(found)
        elif isinstance(found, PciFunction):
            unknown.append(found)
        elif found:
            ignored.append(found)
    there = {name: tuple(each) for name, each in usable.items() if each}
    return Devices(there, tuple(unusable), tuple(unknown), tuple(ignored))


def _device(function: PciFunction, catalog: Catalog) -> Accelerator | Unusable | Ignored | PciFunction | None:
    """What one function is; itself when its vendor makes accelerators and its id is in no table."""
    vendor = catalog.pci_vendors.get(function.vendor.lower())
    where = f"{function.pci_id} at {function.address}"
    if vendor is None:
        why = "of a vendor that xpulab does not know"
        return Ignored(why, f"display or processing device {where} is {why}: ignored")
    if vendor.use == "none":
        return None
    if vendor.use == "unsupported":
        return Unusable(
            "unsupported", f"{vendor.title} device {where}", f"{vendor.title} GPUs are not supported"
        )
    found = VENDORS[vendor.use].classify(function, catalog)
    if isinstance(found, Accelerator):
        return out_of_reach(function, found, catalog) or found
    if found is None and function.pci_class.startswith(PROCESSING):
        why = "no GPU that xpulab knows"
        return Ignored(why, f"{vendor.title} processing accelerator {where} is {why}: ignored")
    return function if found is None else found
