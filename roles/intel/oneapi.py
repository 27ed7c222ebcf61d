"""The oneAPI runtime, for programs on the host; PyTorch's images bring their own."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.desired.manifest import Manifest, Package
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.intel.facts import IntelFacts
from xpulab.resolving.target import Target
from xpulab.roles.repositories import repository


def manifest(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """The runtime's packages from Intel's oneAPI repository.

    Nothing where policy does without, or where Intel's user space lies in the image alone.
    """
    facts = catalog.of(IntelFacts)
    channel = facts.compute.channels[target.driver_of("intel").branch]
    if not settings.policy.oneapi or channel.user_space_in_image:
        return Manifest()
    runtime = facts.oneapi.runtime
    return Manifest(
        repositories=(repository(runtime.repository, target, settings, catalog),),
        packages=tuple(Package(name) for name in runtime.packages),
        foreign_sources=dict.fromkeys(runtime.foreign_sources, "xpulab writes its own source for oneAPI"),
    )
