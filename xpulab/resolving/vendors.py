"""The vendors that xpulab knows, and the catalog with the facts of each."""

from __future__ import annotations

from functools import lru_cache

from xpulab import catalog
from xpulab.catalog import Catalog
from xpulab.resolving.intel.vendor import INTEL
from xpulab.resolving.nvidia.vendor import NVIDIA
from xpulab.resolving.vendor import Vendor

VENDORS: dict[str, Vendor] = {each.name: each for each in (NVIDIA, INTEL)}
"""By name; the order is that of preference where the inventory has none."""


@lru_cache(maxsize=1)
def load_catalog() -> Catalog:
    """The catalog that comes with xpulab."""
    return catalog.load_from(catalog.HERE, {name: vendor.facts for name, vendor in VENDORS.items()})
