"""A newer kernel, where the host's accelerator needs one."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.desired.kinds import apt_repository
from xpulab.desired.kinds.kernel import WantedKernel
from xpulab.desired.kinds.package import Package
from xpulab.desired.manifest import Manifest, manifest
from xpulab.desired.repositories import repository_for
from xpulab.desired.role import Role
from xpulab.inventory.settings import HostSettings
from xpulab.probing.watched import Watched
from xpulab.resolving.target import Target
from xpulab.roles.preference import preference
from xpulab.roles.preference import watched as watched_preference


def applies(target: Target, settings: HostSettings, catalog: Catalog) -> bool:
    """Whether the present kernel will not do."""
    return target.kernel_upgrade is not None


def wanted(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """The kernel's meta package, and that such a kernel runs."""
    upgrade = target.kernel_upgrade
    if upgrade is None:
        return Manifest()
    source = upgrade.repository
    return manifest(
        (
            *([repository_for(target.os, source, settings, catalog)] if source else []),
            *(preference(source, catalog) if source else ()),
            # Debian's backports have the package under the name that the older kernel's has.
            Package(upgrade.package, minimum=upgrade.series),
            WantedKernel(upgrade.series, upgrade.package),
        )
    )


def watched(settings: HostSettings, catalog: Catalog) -> Watched:
    """The repository that a kernel may come from; the kernel itself is always looked at."""
    return apt_repository.WATCHED + watched_preference(settings, catalog)


ROLE = Role("kernel", wanted, applies, watched)
