"""NVIDIA's driver from the distribution's archive: packages for servers, modules signed by Canonical."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.catalog.nvidia import NvidiaModules
from xpulab.lab import HostSettings
from xpulab.manifest import Manifest, Package
from xpulab.target import Target


def manifest(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """User space and modules of one branch; those of other branches, flavours and sources absent."""
    floor = catalog.nvidia_driver.branches[target.driver_of("nvidia").branch].security_floor
    user_space = _names(catalog.nvidia_driver.archive.user_space, target)
    # The modules' meta packages carry the kernel's version, so the driver's floor means nothing to them.
    return Manifest(
        packages=(
            *(Package(name, minimum=floor) for name in user_space),
            *(Package(name) for name in module_packages(target, catalog)),
        ),
        absent_packages=_absent(target, catalog),
    )


def module_packages(target: Target, catalog: Catalog) -> tuple[str, ...]:
    """The meta packages that bring the modules for each kernel of the target's flavour."""
    return _names(catalog.nvidia_driver.archive.modules[_flavour(target)], target)


def _absent(target: Target, catalog: Catalog) -> tuple[str, ...]:
    archive, branch = catalog.nvidia_driver.archive, target.driver_of("nvidia").branch
    other: NvidiaModules = "proprietary" if _flavour(target) == "open" else "open"
    others = (
        pattern.format(branch=each)
        for each in catalog.nvidia_driver.branches
        if each != branch
        for pattern in archive.of_other_branch
    )
    return (*_names(archive.modules_of_flavour[other], target), *archive.displaces, *others)


def _flavour(target: Target) -> NvidiaModules:
    return "open" if target.driver_of("nvidia").modules == "open" else "proprietary"


def _names(templates: tuple[str, ...], target: Target) -> tuple[str, ...]:
    branch = target.driver_of("nvidia").branch
    return tuple(
        each.format(branch=branch, kernel=target.kernel, kernel_flavour=target.kernel_flavour)
        for each in templates
    )
