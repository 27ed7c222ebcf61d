"""A plan: the choices made for a host before its disk is looked at."""

from __future__ import annotations

from dataclasses import dataclass

from xpulab.catalog.images import CatalogImage
from xpulab.resolving.reason import Reason
from xpulab.resolving.target import Accelerator, Beside, Driver, KernelUpgrade


@dataclass(frozen=True)
class Plan:
    """What a host's accelerators call for.

    `any_kernel` says that the driver suits every kernel of the system, so that another vendor's demand may
    decide. Reasons are in three parts, as they are told of a host with accelerators of two vendors.
    """

    vendor: str
    accelerators: tuple[Accelerator, ...]
    driver: Driver | None
    kernel_flavour: str
    image: CatalogImage
    notes: tuple[str, ...] = ()
    kernel_upgrade: KernelUpgrade | None = None
    any_kernel: bool = False
    beside: Beside | None = None
    fabric: str | None = None
    about_accelerators: tuple[Reason, ...] = ()
    about_driver: tuple[Reason, ...] = ()
    about_image: tuple[Reason, ...] = ()
