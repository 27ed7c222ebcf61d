"""NVIDIA's driver from the distribution's archive: packages for servers, modules signed by Canonical."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.desired.kinds.package import AbsentPackages, Package
from xpulab.desired.manifest import Manifest, manifest
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.target import Target
from xpulab.roles.nvidia.branch import OTHER, flavour, of_other_branches


def packages(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """User space and modules of one branch; those of other branches, flavours and sources absent."""
    floor = catalog.of(NvidiaFacts).driver.branches[target.driver_of("nvidia").branch].security_floor
    user_space, absent = user_space_packages(target, catalog), _absent(target, catalog)
    # The modules' meta packages carry the kernel's version, so the driver's floor means nothing to them.
    return manifest(
        (
            *(Package(name, minimum=floor, used_as="accelerators") for name in user_space),
            *(Package(name, used_as="accelerators") for name in module_packages(target, catalog)),
            AbsentPackages(absent, {"accelerators": absent}),
        )
    )


def user_space_packages(target: Target, catalog: Catalog) -> tuple[str, ...]:
    """The packages that carry the driver's own version."""
    return _names(catalog.of(NvidiaFacts).driver.archive.user_space, target)


def module_packages(target: Target, catalog: Catalog) -> tuple[str, ...]:
    """The meta packages that bring the modules for each kernel of the target's flavour."""
    return _names(catalog.of(NvidiaFacts).driver.archive.modules[flavour(target)], target)


def _absent(target: Target, catalog: Catalog) -> tuple[str, ...]:
    archive = catalog.of(NvidiaFacts).driver.archive
    other_flavour = _names(archive.modules_of_flavour[OTHER[flavour(target)]], target)
    others = of_other_branches(archive.of_other_branch, target, catalog)
    return (*other_flavour, *archive.displaces, *others)


def _names(templates: tuple[str, ...], target: Target) -> tuple[str, ...]:
    branch = target.driver_of("nvidia").branch
    return tuple(
        each.format(branch=branch, kernel=target.kernel, kernel_flavour=target.kernel_flavour)
        for each in templates
    )
