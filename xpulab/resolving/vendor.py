"""What xpulab has to know of a vendor, to provision hosts with its accelerators."""

from __future__ import annotations

from dataclasses import dataclass

from xpulab.catalog.facts import VendorFacts


@dataclass(frozen=True)
class Vendor:
    """One vendor: `name` is how the catalog, the inventory and records spell it."""

    name: str
    facts: type[VendorFacts]
