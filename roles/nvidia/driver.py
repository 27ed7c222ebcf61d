"""NVIDIA's driver from the distribution's archive, its kernel module, and the persistence daemon."""

from __future__ import annotations

from roles.templates import file
from xpulab.catalog.models import Catalog
from xpulab.catalog.nvidia import NvidiaModules
from xpulab.lab import HostSettings
from xpulab.manifest import LoadedModule, Manifest, Package, Unit
from xpulab.target import Driver, Target


def manifest(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """One branch in one flavour, nouveau kept out, the CUDA repository's driver packages pinned away."""
    driver = _driver(target)
    flavour: NvidiaModules = "open" if driver.modules == "open" else "proprietary"
    data = catalog.nvidia_driver
    module, pin = data.kernel_module, data.cuda_repository_pin
    drop_in = f"/etc/systemd/system/{data.persistence.unit}.d/xpulab.conf"
    return Manifest(
        packages=_packages(target, driver, flavour, catalog),
        absent_packages=_absent(target, driver, flavour, catalog),
        files=(
            file("/etc/modprobe.d/xpulab-nouveau.conf", "before-packages", displaces=module.displaces),
            file(
                "/etc/apt/preferences.d/xpulab-nvidia.pref",
                "before-packages",
                label=pin.label,
                packages=pin.packages,
            ),
            # The unit that comes with the package runs the daemon with persistence mode off.
            file(drop_in, command=data.persistence.command),
        ),
        modules=(
            LoadedModule(
                module.name,
                license=module.licenses[flavour],
                provided_by=tuple(_name(each, target, driver) for each in data.archive.modules[flavour]),
                displaces=module.displaces,
            ),
        ),
        units=(Unit(data.persistence.unit, configured_by=(drop_in,)),),
    )


def _driver(target: Target) -> Driver:
    if target.driver is None:
        raise ValueError("an NVIDIA target has a driver")
    return target.driver


def _packages(
    target: Target, driver: Driver, flavour: NvidiaModules, catalog: Catalog
) -> tuple[Package, ...]:
    archive = catalog.nvidia_driver.archive
    floor = catalog.nvidia_driver.branches[driver.branch].security_floor
    # The modules' meta packages carry the kernel's version, so the driver's floor means nothing to them.
    return (
        *(Package(_name(each, target, driver), minimum=floor) for each in archive.user_space),
        *(Package(_name(each, target, driver)) for each in archive.modules[flavour]),
    )


def _absent(target: Target, driver: Driver, flavour: NvidiaModules, catalog: Catalog) -> tuple[str, ...]:
    other: NvidiaModules = "proprietary" if flavour == "open" else "open"
    archive = catalog.nvidia_driver.archive
    return tuple(
        _name(each, target, driver) for each in archive.modules_of_flavour[other] + archive.displaces
    )


def _name(template: str, target: Target, driver: Driver) -> str:
    return template.format(branch=driver.branch, kernel=target.kernel, kernel_flavour=target.kernel_flavour)
