"""docs/hardware-matrix.md from the catalog."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from xpulab.catalog import Catalog
from xpulab.explaining import hypothetical
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.intel.facts import IntelFacts
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.resolve import resolve
from xpulab.resolving.target import Driver, Refusal, Target

PAGE = Path(__file__).resolve().parent.parent / "docs" / "hardware-matrix.md"
HEAD = """\
<!-- Made by `python -m pages` from xpulab/catalog: change the catalog, then run it again. -->

# Hardware matrix

What a host with one such card gets by default, on its system's own kernel; `xpulab explain` says why, and
answers for other kernels, several cards, Secure Boot and policies. Where cards of a family differ, each group
of device ids has a line of its own. A package in the kernel column is installed, and
the host reboots into it.
"""
COLUMNS = (
    "| card | system | driver | modules | from | kernel | image, or why not |\n|---|---|---|---|---|---|---|"
)


def matrix(known: Catalog) -> str:
    """The whole page."""
    return "\n".join([HEAD, *_nvidia(known), "", *_intel(known), "", *_outside(known)]) + "\n"


def _nvidia(known: Catalog) -> Iterator[str]:
    yield f"## NVIDIA\n\n{COLUMNS}"
    for family in known.of(NvidiaFacts).families.values():
        # A range's cards share every fact, so its first one speaks for it.
        yield from _lines(family.title, [f"10de:{chips.first}" for chips in family.chips], known)


def _intel(known: Catalog) -> Iterator[str]:
    yield f"## Intel\n\n{COLUMNS}"
    for family in known.of(IntelFacts).devices.values():
        ids = [f"8086:{device}" for devices in family.devices.values() for device in devices]
        yield from _lines(family.title, ids, known)


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
    if isinstance(answer, Refusal):
        return f"– | – | – | – | refused: {_of_any(answer.reason, pci_id)}"
    image = f"`{answer.image.reference}`"
    if answer.driver is None:
        ignored = [note.partition("is ignored: ")[2] for note in answer.notes if "is ignored: " in note]
        return f"none | – | – | any | {image}" + "".join(f"; the GPU is ignored: {why}" for why in ignored)
    kernel = f"`{answer.kernel_upgrade.package}`" if answer.kernel_upgrade else "its own"
    return f"{_driver(answer, answer.driver, known)} | {kernel} | {image}"


def _driver(target: Target, driver: Driver, known: Catalog) -> str:
    if target.vendor == "nvidia":
        return f"{driver.branch} | {driver.modules} | {SOURCES[driver.source]}"
    name = known.of(IntelFacts).devices[target.accelerators[0].family].driver
    return f"{name} | {driver.modules} | channel {driver.branch}"


def _of_any(reason: str, pci_id: str) -> str:
    """A reason without the name, id and address that only one card of a family has."""
    return re.sub(rf"^(.*)\b(?:NVIDIA|Intel) .*?\({pci_id} at [^)]*\)", r"\1the card", reason)


SOURCES = {"archive": "archive", "cuda": "CUDA repository"}
