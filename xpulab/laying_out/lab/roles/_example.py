"""A role of this lab's own: chrony with the lab's time server. Without the `_` in its name it counts."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.desired.kinds.file import File
from xpulab.desired.kinds.package import Package
from xpulab.desired.kinds.unit import Unit
from xpulab.desired.manifest import Manifest, manifest
from xpulab.desired.role import Role
from xpulab.inventory.settings import HostSettings
from xpulab.probing.watched import Watched
from xpulab.resolving.target import Target
from xpulab.schema.strict import Strict

SOURCES = "/etc/chrony/sources.d/lab.sources"


class Time(Strict):
    """What lab.yml says under `time`, in defaults or at a host. Hosts without it are left alone."""

    server: str


def wanted(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """What a host must have."""
    time = settings.section(Time)
    if time is None:
        return Manifest()
    return manifest(
        (
            Package("chrony"),
            File(SOURCES, f"server {time.server} iburst\n"),
            Unit("chrony.service", configured_by=(SOURCES,)),
        )
    )


def watched(settings: HostSettings, catalog: Catalog) -> Watched:
    """What every look at a host must look at for this."""
    return Watched(files=(SOURCES,), units=("chrony.service",))


ROLE = Role("time", wanted, watched=watched, section=Time)
