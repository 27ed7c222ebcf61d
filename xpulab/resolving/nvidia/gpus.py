"""NVIDIA GPUs and NVSwitches, told by their device ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from xpulab.catalog.models import Catalog
from xpulab.probing.observed import Observed, PciFunction
from xpulab.resolving.devices import Found, Unusable, label
from xpulab.resolving.nvidia.entries import ChipRange, NvidiaFamily, NvidiaModules
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.reason import Reason
from xpulab.resolving.target import Accelerator
from xpulab.resolving.vendor import Kind

FOUR_HEX_DIGITS = re.compile("[0-9a-f]{4}")
BRIDGE = "068000"  # the PCI class that an NVSwitch has


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

    @property
    def modules(self) -> tuple[NvidiaModules, ...]:
        """The flavours of the kernel modules that drive it."""
        return self.chips.modules or self.family.modules

    @property
    def first_driver(self) -> str | None:
        """The oldest driver that knows it, where that is not as old as its branch."""
        return self.family.first_drivers.get(self.accelerator.pci_id[-4:].lower(), self.chips.first_driver)

    @property
    def reason(self) -> Reason:
        """How it was told."""
        found, chips = self.accelerator, self.chips
        return Reason(
            "accelerator",
            f"{found.name} ({found.pci_id})",
            f"{found.family}, compute capability {found.compute_capability}: device id "
            f"{found.pci_id[-4:]} lies between {chips.first} and {chips.last} ({chips.codename})",
            self.family,
        )


def classify(function: PciFunction, catalog: Catalog) -> Found:
    """The GPU that a display or processing function of NVIDIA's is."""
    device = function.device.lower()
    if not FOUR_HEX_DIGITS.fullmatch(device):
        return None
    found = catalog.of(NvidiaFacts).chips_of(device)
    if found is None:
        return None
    key, family, chips = found
    name = f"NVIDIA {family.names.get(device, f'{family.title} GPU')}"
    accelerator = Accelerator(function.address, function.pci_id, name, key, chips.compute_capability)
    if catalog.of(NvidiaFacts).is_virtual(device, function.subsystem):
        guest = catalog.of(NvidiaFacts).virtual_gpus.guests
        return Unusable("nvidia", label(accelerator), guest.why, remedy=guest.remedy)
    if family.unsupported:
        return Unusable("nvidia", label(accelerator), family.unsupported, family.passed_over)
    return accelerator


def gpus_of(accelerators: Sequence[Accelerator], catalog: Catalog) -> tuple[NvidiaGpu, ...]:
    """What `classify` found, with the facts that it was found by."""
    return tuple(_gpu(each, catalog.of(NvidiaFacts)) for each in accelerators)


def _gpu(accelerator: Accelerator, facts: NvidiaFacts) -> NvidiaGpu:
    found = facts.chips_of(accelerator.pci_id[-4:].lower())
    if found is None:
        raise ValueError(f"{label(accelerator)} is no GPU of NVIDIA's")
    return NvidiaGpu(accelerator, found[1], found[2])


def fabric_of(gpus: Sequence[NvidiaGpu], observed: Observed, catalog: Catalog) -> str | None:
    """What joins the GPUs, if CUDA needs a fabric manager for it: `nvswitch` or `nvlink5`.

    NVSwitches up to Hopper are PCI functions. From Blackwell on (NVLink 5) they are managed through network
    adapters and tell nothing by their PCI ids, but these chips come on no other boards.
    """
    data = catalog.of(NvidiaFacts).driver
    if sum(gpu.chips.codename in data.nvlink5.codenames for gpu in gpus) >= data.nvlink5.gpus:
        return "nvlink5"
    ids = catalog.pci_ids_of("nvidia")
    switches = any(each.vendor in ids and each.device in data.nvswitch.devices for each in observed.pci)
    return "nvswitch" if switches else None


def nvswitches(catalog: Catalog) -> Mapping[str, str]:
    """The PCI class of each NVSwitch by its device id: it is no display device, and joins GPUs."""
    return dict.fromkeys(catalog.of(NvidiaFacts).driver.nvswitch.devices, BRIDGE)


def kinds(catalog: Catalog) -> Iterator[Kind]:
    """Every range of chips: its cards share every fact, so the first one speaks for it."""
    for family in catalog.of(NvidiaFacts).families.values():
        for chips in family.chips:
            yield Kind(family.title, chips.codename, (chips.first,))
