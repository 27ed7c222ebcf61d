"""What xpulab has to know of a vendor, to provision hosts with its accelerators."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from xpulab.catalog.facts import VendorFacts
from xpulab.catalog.models import Catalog
from xpulab.inventory.settings import Policy
from xpulab.probing.observed import Observed, PciFunction
from xpulab.resolving.devices import Found
from xpulab.resolving.plan import Plan
from xpulab.resolving.target import Accelerator, Target
from xpulab.resolving.workbench_parts import WorkbenchParts
from xpulab.schema.refusal import Refusal


@dataclass(frozen=True)
class Kind:
    """Cards that share a name in the catalog, with one device id, or all where they differ in some fact."""

    family: str
    name: str
    devices: tuple[str, ...]


@dataclass(frozen=True)
class DriverWords:
    """A host's driver as the hardware matrix shows it."""

    name: str
    modules: str
    source: str


def _no_odd_class(catalog: Catalog) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Vendor:
    """One vendor: `name` is how the catalog, the inventory and records spell it.

    `device_table` is the file of the catalog that an unknown id has to be added to, `torch_device` the name
    that PyTorch gives a device of this vendor's. `odd_classes` are PCI classes by device id, of functions
    that belong to the accelerators without being display devices. Without `workbench` the vendor's hosts
    get no workbench image.
    """

    name: str
    facts: type[VendorFacts]
    device_table: str
    torch_device: str
    classify: Callable[[PciFunction, Catalog], Found]
    plan: Callable[[Sequence[Accelerator], Observed, Policy, Catalog], Plan | Refusal]
    kinds: Callable[[Catalog], Iterable[Kind]]
    describe_driver: Callable[[Target, Catalog], DriverWords]
    odd_classes: Callable[[Catalog], Mapping[str, str]] = _no_odd_class
    workbench: WorkbenchParts | None = None
