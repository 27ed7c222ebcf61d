"""What a PCI function can be for a host: an accelerator, one that cannot be used, one to ignore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Union

from xpulab.probing.observed import PciFunction
from xpulab.resolving.target import Accelerator


@dataclass(frozen=True)
class Unusable:
    """A device that could be an accelerator but is none here; `vendor` is its PCI vendor's use.

    A `passed_over` one does not stand in the way of others of its vendor: their driver leaves it alone.
    `remedy` is what a person may do about it.
    """

    vendor: str
    label: str
    why: str
    passed_over: bool = False
    remedy: str = "replace the card"


@dataclass(frozen=True)
class Ignored:
    """A device that is left alone: `why` is true of all its kind, `note` names this one."""

    why: str
    note: str


Found = Union[Accelerator, Unusable, Ignored, None]  # noqa: UP007 - read at run time
"""What a vendor's classifier says of a function; None for an id that its facts do not hold."""


@dataclass(frozen=True)
class Devices:
    """All display and processing devices of a host, sorted by what can be done with them."""

    usable: Mapping[str, tuple[Accelerator, ...]] = field(default_factory=dict)
    """By vendor, the preferred one first; none without an accelerator."""
    unusable: tuple[Unusable, ...] = ()
    unknown: tuple[PciFunction, ...] = ()
    ignored: tuple[Ignored, ...] = ()


def label(accelerator: Accelerator) -> str:
    """An accelerator in words: name, id and address."""
    return f"{accelerator.name} ({accelerator.pci_id} at {accelerator.address})"
