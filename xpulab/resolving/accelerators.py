"""From PCI functions to accelerators: by vendor, device id and class, never by a name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from xpulab.catalog.models import Catalog
from xpulab.probing.observed import PciFunction
from xpulab.resolving.intel.facts import IntelFacts
from xpulab.resolving.nvidia.entries import ChipRange, NvidiaFamily
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.target import Accelerator

FOUR_HEX_DIGITS = re.compile("[0-9a-f]{4}")
DISPLAY, PROCESSING = "03", "12"  # PCI base classes: display controllers, processing accelerators


@dataclass(frozen=True)
class NvidiaGpu:
    """An NVIDIA GPU that the catalog supports."""

    accelerator: Accelerator
    family: NvidiaFamily
    chips: ChipRange

    @property
    def label(self) -> str:
        """The GPU as refusals name it."""
        return label(self.accelerator)


@dataclass(frozen=True)
class Unusable:
    """A device that could be an accelerator but is none here; `vendor` is its PCI vendor's use."""

    vendor: str
    label: str
    why: str


@dataclass(frozen=True)
class Devices:
    """All display and processing devices of a host, sorted by what can be done with them."""

    nvidia: tuple[NvidiaGpu, ...] = ()
    intel: tuple[Accelerator, ...] = ()
    unusable: tuple[Unusable, ...] = ()
    unknown: tuple[PciFunction, ...] = ()
    notes: tuple[str, ...] = ()


def label(accelerator: Accelerator) -> str:
    """An accelerator in words: name, id and address."""
    return f"{accelerator.name} ({accelerator.pci_id} at {accelerator.address})"


def is_nvswitch(vendor: str, device: str, catalog: Catalog) -> bool:
    """Whether PCI ids are those of an NVSwitch, which is no display device and joins GPUs."""
    return vendor == "10de" and device in catalog.of(NvidiaFacts).driver.nvswitch.devices


def classify(pci: Iterable[PciFunction], catalog: Catalog) -> Devices:
    """The devices among PCI functions; audio, bridges and NVSwitches are no display class and drop out."""
    nvidia: list[NvidiaGpu] = []
    intel: list[Accelerator] = []
    unusable: list[Unusable] = []
    unknown: list[PciFunction] = []
    notes: list[str] = []
    for function in pci:
        if function.pci_class[:2] not in (DISPLAY, PROCESSING):
            continue
        found = _device(function, catalog)
        if isinstance(found, NvidiaGpu):
            nvidia.append(found)
        elif isinstance(found, Accelerator):
            intel.append(found)
        elif isinstance(found, Unusable):
            unusable.append(found)
        elif isinstance(found, PciFunction):
            unknown.append(found)
        elif found:
            notes.append(found)
    return Devices(tuple(nvidia), tuple(intel), tuple(unusable), tuple(unknown), tuple(notes))


def _device(
    function: PciFunction, catalog: Catalog
) -> NvidiaGpu | Accelerator | Unusable | PciFunction | str | None:
    """What one function is; itself when its vendor makes accelerators and its id is in no table."""
    vendor = catalog.pci_vendors.get(function.vendor.lower())
    where = f"{function.pci_id} at {function.address}"
    if vendor is None:
        return f"display or processing device {where} is of a vendor that xpulab does not know: ignored"
    if vendor.use == "none":
        return None
    if vendor.use == "unsupported":
        return Unusable(
            "unsupported", f"{vendor.title} device {where}", f"{vendor.title} GPUs are not supported"
        )
    found = (_nvidia if vendor.use == "nvidia" else _intel)(function, catalog)
    if found is function and function.pci_class.startswith(PROCESSING):
        return f"{vendor.title} processing accelerator {where} is no GPU that xpulab knows: ignored"
    return found


def _nvidia(function: PciFunction, catalog: Catalog) -> NvidiaGpu | Unusable | PciFunction:
    device = function.device.lower()
    if not FOUR_HEX_DIGITS.fullmatch(device):
        return function
    for key, family in catalog.of(NvidiaFacts).families.items():
        for chips in family.chips:
            if device not in chips:
                continue
            name = f"NVIDIA {family.names.get(device, f'{family.title} GPU')}"
            accelerator = Accelerator(function.address, function.pci_id, name, key, chips.compute_capability)
            if family.unsupported:
                return Unusable("nvidia", label(accelerator), family.unsupported)
            return NvidiaGpu(accelerator, family, chips)
    return function


def _intel(function: PciFunction, catalog: Catalog) -> Accelerator | Unusable | PciFunction | str:
    found = catalog.of(IntelFacts).by_device.get(function.device.lower())
    if found is None:
        return function
    key, name = found
    family = catalog.of(IntelFacts).devices[key]
    accelerator = Accelerator(function.address, function.pci_id, f"Intel {name}", key)
    if family.pytorch == "preview":
        return Unusable("intel", label(accelerator), f"PyTorch supports {family.title} only as a preview")
    if family.pytorch == "none":
        return f"{label(accelerator)} is ignored: PyTorch does not support {family.title} graphics"
    return accelerator
