"""A host without a usable accelerator, or one that is to do without: any kernel of its system will do."""

from __future__ import annotations

from xpulab.catalog.consistency import CPU
from xpulab.catalog.models import Catalog
from xpulab.inventory.settings import Policy
from xpulab.probing.observed import Observed
from xpulab.resolving import images
from xpulab.resolving.kernels import NO_FLAVOUR, identify
from xpulab.resolving.plan import Plan
from xpulab.schema.refusal import Refusal


def plan(observed: Observed, policy: Policy, catalog: Catalog, notes: tuple[str, ...] = ()) -> Plan | Refusal:
    """The plan for the host as a CPU host; its system is one of the catalog's."""
    chosen = images.newest(catalog.images_of(CPU), policy.torch)
    if isinstance(chosen, Refusal):
        return chosen
    kernel = identify(observed.kernel, catalog.operating_systems[observed.os])
    flavour = NO_FLAVOUR if isinstance(kernel, Refusal) else kernel.flavour
    why = images.reason(chosen.image, policy.torch, "are built for the CPU", catalog)
    return Plan(CPU, (), None, flavour, chosen.image, notes + chosen.notes, about_image=(why,))
