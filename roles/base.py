"""Every host: prerequisites, apt's manners, and the lab's users."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.desired.manifest import Manifest, Membership, Package
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.target import Target
from xpulab.roles.templates import file

LOCK_TIMEOUT_SECONDS = 600


def manifest(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """Packages that the other roles rely on, apt's configuration, and group memberships."""
    blocked = tuple(name for facts in catalog.facts.values() for name in facts.never_unattended)
    # Device nodes belong to video (card*) and render (renderD*); docker gives access to the engine.
    groups = ("video", "render", "docker") if target.accelerators else ("docker",)
    return Manifest(
        packages=tuple(Package(name) for name in catalog.operating_systems[target.os].prerequisites),
        files=(
            file(
                "/etc/apt/apt.conf.d/99xpulab-lock-timeout", "before-packages", seconds=LOCK_TIMEOUT_SECONDS
            ),
            file("/etc/apt/apt.conf.d/99xpulab-unattended-upgrades", "before-packages", blocked=blocked),
        ),
        memberships=tuple(Membership(user, groups) for user in settings.users),
    )
