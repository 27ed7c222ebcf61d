"""NVIDIA Container Toolkit: containers get GPUs through the runtime and through CDI."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.desired.manifest import JsonSettings, Manifest, Package, Unit
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.target import Target
from xpulab.roles.repositories import repository


def manifest(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """The four packages at one version, the runtime registered with Docker, the CDI specification fresh."""
    toolkit = catalog.of(NvidiaFacts).container_toolkit
    packages, cdi = toolkit.packages, toolkit.cdi
    return Manifest(
        repositories=(repository(packages.repository, target, settings, catalog),),
        packages=tuple(Package(name, version=packages.version) for name in packages.names),
        json_settings=(
            JsonSettings(catalog.docker[settings.policy.engine].daemon_json, toolkit.runtime.settings),
        ),
        units=(
            Unit(cdi.path_unit),
            Unit(cdi.refresh_unit, makes=cdi.specification, oneshot=True),
        ),
        # A persistent specification goes stale with the next driver and shadows the fresh one.
        absent_files=cdi.stale_specifications,
        foreign_sources=dict.fromkeys(
            packages.foreign_sources, "two sources of the container toolkit with different Signed-By stop apt"
        ),
    )
