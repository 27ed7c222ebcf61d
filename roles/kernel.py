"""A newer kernel, where the host's accelerator needs one."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.desired.manifest import Manifest, Package, WantedKernel
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.target import Target
from xpulab.roles.repositories import preference, repository


def manifest(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """The kernel's meta package, and that such a kernel runs; nothing where the present one will do."""
    upgrade = target.kernel_upgrade
    if upgrade is None:
        return Manifest()
    source = upgrade.repository
    return Manifest(
        repositories=(repository(source, target, settings, catalog),) if source else (),
        files=preference(source, catalog) if source else (),
        packages=(Package(upgrade.package),),
        kernels=(WantedKernel(upgrade.series, upgrade.package),),
    )
