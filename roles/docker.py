"""The container engine: the distribution's docker.io, or Docker's own packages."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
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


def wanted(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """The engine of the target, running; the packages of any other are absent."""
    engine = catalog.docker[target.engine]
    source = repository_for(target.os, engine.repository, settings, catalog) if engine.repository else None
    there = engine.on(target.os)
    reason = f"xpulab writes its own source for {target.engine}"
    return manifest(
        (
            *([source] if source else []),
            *(Package(name, used_as="containers") for name in there.packages),
            AbsentPackages(there.displaces, {"containers": there.displaces}),
            JsonSettings(engine.daemon_json, {}, CHECK, engine.unit, used_as="containers"),
            Unit(engine.unit, configured_by=(engine.daemon_json,), used_as="containers"),
            ForeignSources.of(engine.foreign_sources, reason),
        )
    )


def watched(settings: HostSettings, catalog: Catalog) -> Watched:
    """The engines' units and configuration, and what tells a node of a cluster."""
    configuration = daemon_jsons(catalog)
    units = (*(engine.unit for engine in catalog.docker.values()), *catalog.clusters.units)
    return apt_repository.WATCHED + Watched(
        configuration, contents=configuration, units=tuple(dict.fromkeys(units))
    )


def daemon_jsons(catalog: Catalog) -> tuple[str, ...]:
    """The configuration files of all engines."""
    return tuple(dict.fromkeys(engine.daemon_json for engine in catalog.docker.values()))


ROLE = Role("docker", wanted, watched=watched)
