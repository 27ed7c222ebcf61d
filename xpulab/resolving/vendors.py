"""The vendors that xpulab knows, and the catalog with the facts of each."""

from __future__ import annotations

from datetime import date, datetime, timezone
from functools import lru_cache

from xpulab import catalog
from xpulab.catalog import Catalog
from xpulab.resolving.intel.vendor import INTEL
from xpulab.resolving.nvidia.vendor import NVIDIA
from xpulab.resolving.vendor import Vendor

VENDORS: dict[str, Vendor] = {each.name: each for each in (NVIDIA, INTEL)}
"""By name; the order is that of preference where the inventory has none."""


def load_catalog(day: date | None = None) -> Catalog:
    """The catalog that comes with xpulab, as it stands on a day: today, by the clock of this machine."""
    return _catalog_on(day or today())


@lru_cache(maxsize=4)
def _catalog_on(day: date) -> Catalog:
    return written_catalog().on(day)


@lru_cache(maxsize=1)
def written_catalog() -> Catalog:
    """The catalog as it is written, on whatever day."""
    return catalog.load_from(catalog.HERE, {name: vendor.facts for name, vendor in VENDORS.items()})


def today() -> date:
    """The day, as this machine's clock has it."""
    return datetime.now(timezone.utc).date()
