"""NVIDIA Container Toolkit: containers get GPUs through the runtime and through CDI."""

from __future__ import annotations

from collections.abc import Iterator

from xpulab.catalog.models import Catalog
from xpulab.desired.kinds import apt_repository
from xpulab.desired.kinds.apt_repository import ForeignSources
from xpulab.desired.kinds.file import AbsentFile
from xpulab.desired.kinds.json_settings import JsonSettings
from xpulab.desired.kinds.option import Option
from xpulab.desired.kinds.package import Package
from xpulab.desired.kinds.unit import Unit
from xpulab.desired.manifest import Manifest, manifest
from xpulab.desired.repositories import repository_for
from xpulab.desired.role import Role
from xpulab.inventory.settings import HostSettings
from xpulab.probing.watched import Watched
from xpulab.resolving.nvidia.entries import ToolkitPackages
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.target import Target
from xpulab.roles.docker import daemon_jsons
from xpulab.roles.nvidia.branch import uses_nvidia


def wanted(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """The four packages at one version, the runtime registered with Docker, the CDI specification fresh."""
    toolkit = catalog.of(NvidiaFacts).container_toolkit
    packages, cdi = toolkit.packages, toolkit.cdi
    source = repository_for(target.os, packages.repository, settings, catalog)
    reason = "two sources of the container toolkit with different Signed-By stop apt"
    return manifest(
        (
            source,
            *_packages(packages, settings),
            JsonSettings(catalog.docker[target.engine].daemon_json, toolkit.runtime.settings),
            Unit(cdi.path_unit),
            Unit(cdi.refresh_unit, makes=cdi.specification, oneshot=True),
            # A persistent specification goes stale with the next driver and shadows the fresh one.
            *map(AbsentFile, cdi.stale_specifications),
            *(Option(toolkit.options.path, key, value) for key, value in toolkit.options.values.items()),
            ForeignSources.of(packages.foreign_sources, reason),
        )
    )


def _packages(toolkit: ToolkitPackages, settings: HostSettings) -> Iterator[Package]:
    """All at one version: the policy's, or the catalog's or a newer one that is there."""
    pinned = settings.policy.container_toolkit
    for name in toolkit.names:
        if pinned:
            yield Package(name, version=toolkit.package_version(pinned))
        else:
            yield Package(name, minimum=toolkit.version, alike=toolkit.names)


def watched(settings: HostSettings, catalog: Catalog) -> Watched:
    """The repository, the engine's configuration, and CDI's units and specifications."""
    toolkit = catalog.of(NvidiaFacts).container_toolkit
    cdi = toolkit.cdi
    return apt_repository.WATCHED + Watched(
        files=(cdi.specification, *cdi.stale_specifications),
        contents=(*daemon_jsons(catalog), toolkit.options.path),
        units=(cdi.path_unit, cdi.refresh_unit),
    )


ROLE = Role("nvidia-container-toolkit", wanted, uses_nvidia, watched)
