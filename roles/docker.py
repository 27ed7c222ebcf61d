"""The container engine: the distribution's docker.io, or Docker's own packages by policy."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.catalog.systems import Engine
from xpulab.desired.kinds import apt_repository
from xpulab.desired.kinds.apt_repository import ForeignSources
from xpulab.desired.kinds.json_settings import JsonSettings
from xpulab.desired.kinds.package import AbsentPackages, Package
from xpulab.desired.kinds.unit import Unit
from xpulab.desired.manifest import Manifest, manifest
from xpulab.desired.repositories import repository_for
from xpulab.desired.role import Role
from xpulab.inventory.settings import HostSettings
from xpulab.probing.watched import Watched
from xpulab.resolving.target import Target

CHECK = "docker's own check: dockerd --validate"


def engine_of(settings: HostSettings, catalog: Catalog) -> Engine:
    """The engine that the policy names."""
    return catalog.docker[settings.policy.engine]


def wanted(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """The engine that the policy names, running; the other one's packages are absent."""
    engine = engine_of(settings, catalog)
    source = repository_for(target.os, engine.repository, settings, catalog) if engine.repository else None
    reason = f"xpulab writes its own source for {settings.policy.engine}"
    return manifest(
        (
            *([source] if source else []),
            *(Package(name) for name in engine.packages),
            AbsentPackages(engine.displaces),
            JsonSettings(engine.daemon_json, {}, CHECK),
            Unit(engine.unit, configured_by=(engine.daemon_json,)),
            ForeignSources.of(engine.foreign_sources, reason),
        )
    )


def watched(settings: HostSettings, catalog: Catalog) -> Watched:
    """The engine's unit and its configuration."""
    engine = engine_of(settings, catalog)
    configuration = (engine.daemon_json,)
    return apt_repository.WATCHED + Watched(configuration, contents=configuration, units=(engine.unit,))


ROLE = Role("docker", wanted, watched=watched)
