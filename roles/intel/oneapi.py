"""The oneAPI runtime, for programs on the host; PyTorch's images bring their own."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.desired.kinds import apt_repository
from xpulab.desired.kinds.apt_repository import ForeignSources
from xpulab.desired.kinds.package import Package
from xpulab.desired.manifest import Manifest, manifest
from xpulab.desired.repositories import repository_for
from xpulab.desired.role import Role
from xpulab.inventory.settings import HostSettings
from xpulab.probing.watched import Watched
from xpulab.resolving.intel.facts import IntelFacts
from xpulab.resolving.target import Target


def applies(target: Target, settings: HostSettings, catalog: Catalog) -> bool:
    """Whether Intel's user space is to lie on the host, and not in the image alone."""
    if not settings.policy.oneapi or "intel" not in target.vendors:
        return False
    return not catalog.of(IntelFacts).compute.channels[target.driver_of("intel").branch].user_space_in_image


def wanted(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """The runtime's packages from Intel's oneAPI repository."""
    runtime = catalog.of(IntelFacts).oneapi.runtime
    source = repository_for(target.os, runtime.repository, settings, catalog)
    reason = "xpulab writes its own source for oneAPI"
    packages = (Package(name) for name in runtime.packages)
    return manifest((source, *packages, ForeignSources.of(runtime.foreign_sources, reason)))


def watched(settings: HostSettings, catalog: Catalog) -> Watched:
    """The repository."""
    return apt_repository.WATCHED


ROLE = Role("oneapi", wanted, applies, watched)
