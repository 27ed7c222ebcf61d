"""docs/hardware-matrix.md from the catalog."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from xpulab.catalog import Catalog
from xpulab.explaining import hypothetical
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.accelerators import classify
from xpulab.resolving.devices import Devices, label
from xpulab.resolving.resolve import resolve
from xpulab.resolving.vendor import Vendor
from xpulab.resolving.vendors import VENDORS
from xpulab.schema.refusal import Refusal

PAGE = Path(__file__).resolve().parent.parent / "docs" / "hardware-matrix.md"
HEAD = """\
<!-- Made by `python -m pages` from xpulab/catalog: change the catalog, then run it again. -->

# Hardware matrix

What a host with one such card gets by default, on its system's own kernel; `xpulab explain` says why, and
answers for other kernels, several cards, Secure Boot and policies. Where cards of a family differ, each group
of device ids has a line of its own. A package in the kernel column is installed, and
the host reboots into it.
"""
SYSTEMS = """\
## Systems

Hosts get a note from half a year before the end on. Fixes that take a contract, such as Ubuntu Pro, do not
count.

| system | security fixes | kernel it came with | base of workbench images |
|---|---|---|---|"""
COLUMNS = (
    "| card | system | driver | modules | from | kernel | image, or why not |\n|---|---|---|---|---|---|---|"
)


def matrix(known: Catalog) -> str:
    """The whole page."""
    vendors = (line for vendor in VENDORS.values() for line in (*_vendor(vendor, known), ""))
    return "\n".join([HEAD, *_systems(known), "", *vendors, *_outside(known)]) + "\n"


def _systems(known: Catalog) -> Iterator[str]:
    """A line per system: until when it is cared for, the kernel it came with, the base of its workbench."""
    yield SYSTEMS
    bases = known.workbench.systems
    other = f"that of another system, `{bases[known.workbench.default_system].image}`"
    for key, system in known.operating_systems.items():
        base = f"`{bases[key].image}`" if key in bases else other
        yield f"| {system.title} | {system.care.in_words} | {system.kernels[0].series} | {base} |"


def _vendor(vendor: Vendor, known: Catalog) -> Iterator[str]:
    yield f"## {known.title_of(vendor.name)}\n\n{COLUMNS}"
    prefix = known.pci_ids_of(vendor.name)[0]
    for family, kinds in groupby(vendor.kinds(known), lambda kind: kind.family):
        yield from _lines(family, [f"{prefix}:{each}" for kind in kinds for each in kind.devices], known)


def _outside(known: Catalog) -> Iterator[str]:
    yield f"## Without an accelerator\n\n{COLUMNS}"
    yield from _lines("none", [""], known)


def _lines(title: str, ids: list[str], known: Catalog) -> Iterator[str]:
    """A line per outcome, with the systems that have it, and the ids where not all of the family do."""
    systems: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for key, system in known.operating_systems.items():
        outcomes: dict[str, list[str]] = {}
        for pci_id in ids:
            outcomes.setdefault(_outcome(pci_id, key, known), []).append(pci_id)
        for outcome, having in outcomes.items():
            systems.setdefault((outcome, tuple(having)), []).append(system.title)
    for (outcome, those), titles in systems.items():
        where = "every system" if len(titles) == len(known.operating_systems) else ", ".join(titles)
        some = f": {', '.join(each[-4:] for each in those)}" if len(those) < len(ids) else ""
        yield f"| {title}{some} | {where} | {outcome} |"


def _outcome(pci_id: str, system: str, known: Catalog) -> str:
    """The cells for what a host with one card gets."""
    observed = hypothetical.host([pci_id] if pci_id else [], system, None, False, known)
    answer = resolve(observed, HostSettings(), known)
    devices = classify(observed.pci, known)
    if isinstance(answer, Refusal):
        return f"– | – | – | – | refused: {_of_any(answer.reason, devices)}"
    image = f"`{answer.image.reference}`"
    if answer.driver is None:
        return f"none | – | – | any | {image}" + "".join(
            f"; the GPU is ignored: {each.why}" for each in devices.ignored
        )
    kernel = f"`{answer.kernel_upgrade.package}`" if answer.kernel_upgrade else "its own"
    words = VENDORS[answer.vendor].describe_driver(answer, known)
    return f"{words.name} | {words.modules} | {words.source} | {kernel} | {image}"


def _of_any(reason: str, devices: Devices) -> str:
    """A reason without the name, id and address that only one card of a family has."""
    usable = (label(each) for of_vendor in devices.usable.values() for each in of_vendor)
    for card in (*usable, *(each.label for each in devices.unusable)):
        reason = reason.replace(card, "the card")
    return reason
