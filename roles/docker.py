"""The container engine: the distribution's docker.io, or Docker's own packages by policy."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.desired.manifest import Manifest, Package, Unit
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.target import Target
from xpulab.roles.repositories import repository


def manifest(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """The engine that the policy names, running; the other one's packages are absent."""
    engine = catalog.docker[settings.policy.engine]
    return Manifest(
        repositories=(repository(engine.repository, target, settings, catalog),) if engine.repository else (),
        packages=tuple(Package(name) for name in engine.packages),
        absent_packages=engine.displaces,
        units=(Unit(engine.unit, configured_by=(engine.daemon_json,)),),
        foreign_sources=dict.fromkeys(
            engine.foreign_sources, f"xpulab writes its own source for {settings.policy.engine}"
        ),
    )
