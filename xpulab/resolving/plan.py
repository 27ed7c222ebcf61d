"""A plan: the choices made for a host before its disk is looked at."""

from __future__ import annotations

from dataclasses import dataclass

from xpulab.catalog.images import CatalogImage
from xpulab.resolving.target import Accelerator, Beside, Driver, KernelUpgrade, NvSwitches, Vendor


@dataclass(frozen=True)
class Plan:
    """What a host's accelerators call for."""

    vendor: Vendor
    accelerators: tuple[Accelerator, ...]
    driver: Driver | None
    kernel_flavour: str
    image: CatalogImage
    notes: tuple[str, ...] = ()
    kernel_upgrade: KernelUpgrade | None = None
    beside: Beside | None = None
    nvswitch: NvSwitches | None = None
