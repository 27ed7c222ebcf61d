"""Every host: prerequisites, apt's manners, and the lab's users."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.desired.kinds.membership import Membership
from xpulab.desired.kinds.package import Package, WholePackages
from xpulab.desired.manifest import Manifest, manifest
from xpulab.desired.role import Role
from xpulab.inventory.settings import HostSettings
from xpulab.probing.watched import Watched
from xpulab.resolving.target import Target
from xpulab.roles.templates import file

# Device nodes belong to video (card*) and render (renderD*); docker gives access to the engine.
DEVICE_GROUPS, ENGINE_GROUP = ("video", "render"), "docker"


def wanted(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """Packages that the other roles rely on, apt's configuration, and group memberships."""
    blocked = tuple(name for facts in catalog.facts.values() for name in facts.never_unattended)
    groups = (*DEVICE_GROUPS, ENGINE_GROUP) if target.accelerators else (ENGINE_GROUP,)
    return manifest(
        (
            WholePackages(),
            *(Package(name) for name in catalog.operating_systems[target.os].prerequisites),
            file(
                "/etc/apt/apt.conf.d/99xpulab-lock-timeout",
                "before-packages",
                seconds=settings.policy.apt_lock_wait,
            ),
            file("/etc/apt/apt.conf.d/99xpulab-unattended-upgrades", "before-packages", blocked=blocked),
            *(Membership(user, groups) for user in settings.users),
        )
    )


def watched(settings: HostSettings, catalog: Catalog) -> Watched:
    """apt's configuration, and the lab's users with their groups."""
    groups = (*DEVICE_GROUPS, ENGINE_GROUP)
    return Watched(files=("/etc/apt/apt.conf.d/*xpulab*",), groups=groups, users=settings.users)


ROLE = Role("base", wanted, watched=watched)
