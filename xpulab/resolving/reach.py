"""Cards that would do and are out of reach: dead to the bus, without memory, or a virtual machine's."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.probing.observed import Observed, PciFunction
from xpulab.resolving.devices import Devices, Unusable, label
from xpulab.resolving.target import CPU_INSTEAD, Accelerator
from xpulab.schema.refusal import Refusal


def out_of_reach(function: PciFunction, accelerator: Accelerator, catalog: Catalog) -> Unusable | None:
    """Why no driver of this host will come to drive a card; None for one that is in reach."""
    vendor = catalog.pci_vendors[function.vendor.lower()]

    def unusable(why: str, remedy: str) -> Unusable:
        return Unusable(vendor.use, label(accelerator), why, passed_over=True, remedy=remedy)

    if not function.answers:
        return unusable(
            "it does not answer on the PCI bus any more (every register reads ff)",
            "switch the host off and on, and look at the card's seat and power; dmesg says more",
        )
    if function.driver in catalog.platforms.passed_through.drivers:
        return unusable(
            f"{function.driver} holds it for a virtual machine",
            f"take it from the virtual machine and from {function.driver}, or leave this host out",
        )
    if function.virtual and not function.driver:
        return unusable(
            "it is a virtual function that is set aside for a virtual machine", "use the physical function"
        )
    missing = [number for number in vendor.regions if not _has_region(function, number)]
    if missing:
        return unusable(
            f"the firmware gave it no place in memory (BAR {missing[0]} is not assigned)",
            "turn on Above 4G Decoding and Resizable BAR in the firmware settings",
        )
    return None


def not_its_own(devices: Devices, observed: Observed, catalog: Catalog) -> Refusal | None:
    """A refusal of a system that sees accelerators and is no machine of its own, or one for other systems."""
    platform = catalog.platforms.of(observed.kernel, observed.container_of)
    sees = devices.usable or devices.unusable or devices.unknown
    if platform is None or not (sees or platform.paravirtual):
        return None
    of = f" ({observed.container_of})" if observed.container_of and observed.container_of != "wsl" else ""
    return Refusal(
        reason=f"this host is {platform.title}{of}, where xpulab installs no driver",
        remedy=f"{platform.remedy}; or {CPU_INSTEAD}",
    )


def _has_region(function: PciFunction, number: int) -> bool:
    """Whether the region has a place; True where nothing is known of regions."""
    sizes = function.region_bytes
    return not sizes or (number < len(sizes) and sizes[number] > 0)
