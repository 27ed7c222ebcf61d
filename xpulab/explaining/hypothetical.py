"""A host that is only described: PCI ids, a system, a kernel. For answers without any host."""

from __future__ import annotations

import re
from collections.abc import Sequence

from xpulab.catalog.models import Catalog
from xpulab.catalog.systems import Kernel
from xpulab.probing.observed import Observed, PciFunction
from xpulab.resolving.accelerators import classify
from xpulab.resolving.vendors import VENDORS

PCI_ID = re.compile("[0-9a-f]{4}:[0-9a-f]{4}")
DISPLAY = "030000"  # the PCI class of a display controller
PLENTY_OF_DISK = 10**15


def host(
    pci_ids: Sequence[str], system: str, kernel: str | None, secure_boot: bool, catalog: Catalog
) -> Observed:
    """A host with a display-class function of each id, new and empty; without `kernel`, its system's own."""
    os_id, _, os_version = system.partition("-")
    known = catalog.operating_systems.get(system)
    if kernel is None:
        kernel = a_release_of(known.kernels[0]) if known else ""
    return Observed(
        os_id=os_id,
        os_version=os_version,
        architecture=known.architectures[0] if known else "x86_64",
        kernel=kernel,
        secure_boot=secure_boot,
        pci=tuple(_function(pci_id, number, catalog) for number, pci_id in enumerate(pci_ids, 1)),
        engine_free_bytes=PLENTY_OF_DISK,
    )


def a_release_of(kernel: Kernel) -> str:
    """What `uname -r` could say of a kernel."""
    return f"{kernel.series}.0-1-{kernel.suffix}"


def unknown(pci_ids: Sequence[str], catalog: Catalog) -> tuple[str, ...]:
    """Those ids that the catalog says nothing about."""
    return tuple(pci_id for pci_id in pci_ids if _is_unknown(pci_id, catalog))


def _function(pci_id: str, number: int, catalog: Catalog) -> PciFunction:
    vendor, _, device = pci_id.lower().partition(":")
    known = catalog.pci_vendors.get(vendor)
    registered = VENDORS.get(known.use) if known else None
    pci_class = registered.odd_classes(catalog).get(device, DISPLAY) if registered else DISPLAY
    return PciFunction(f"0000:{number:02x}:00.0", vendor, device, pci_class)


def _is_unknown(pci_id: str, catalog: Catalog) -> bool:
    if not PCI_ID.fullmatch(pci_id.lower()) or pci_id.lower()[:4] not in catalog.pci_vendors:
        return True
    return bool(classify([_function(pci_id, 1, catalog)], catalog).unknown)
