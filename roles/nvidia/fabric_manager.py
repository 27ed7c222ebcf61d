"""The fabric manager, without which CUDA does not start on GPUs behind NVSwitches."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.desired.kinds.package import Package
from xpulab.desired.kinds.unit import Unit
from xpulab.desired.manifest import Manifest, manifest
from xpulab.desired.role import Role
from xpulab.inventory.settings import HostSettings
from xpulab.probing.watched import Watched
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.target import Target
from xpulab.roles.templates import file

MODULES = "/etc/modules-load.d/xpulab-nvlink5.conf"


def applies(target: Target, settings: HostSettings, catalog: Catalog) -> bool:
    """Whether switches join the GPUs."""
    return target.fabric is not None


def wanted(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """The fabric manager of the driver's branch and source, running; for NVLink 5 its subnet manager too."""
    data, driver = catalog.of(NvidiaFacts).driver, target.driver_of("nvidia")
    floor = data.branches[driver.branch].security_floor
    if driver.source == "cuda":
        names, below = data.cuda.fabric_manager_of(driver.branch), str(int(driver.branch) + 1)
        packages = tuple(Package(name, minimum=floor, below=below) for name in names)
    else:
        names = tuple(name.format(branch=driver.branch) for name in data.archive.fabric_manager)
        packages = tuple(Package(name, minimum=floor) for name in names)
    fabric = manifest((*packages, Unit(data.nvswitch.unit)))
    return fabric + _nvlink5(catalog) if target.fabric == "nvlink5" else fabric


def watched(settings: HostSettings, catalog: Catalog) -> Watched:
    """The fabric manager's unit, and the modules that are loaded at boot."""
    return Watched(files=(MODULES,), units=(catalog.of(NvidiaFacts).driver.nvswitch.unit,))


def _nvlink5(catalog: Catalog) -> Manifest:
    """NVLink 5 switches are managed through network adapters, which need modules of their own at boot."""
    nvlink5 = catalog.of(NvidiaFacts).driver.nvlink5
    packages = (Package(name) for name in nvlink5.packages)
    return manifest((*packages, file(MODULES, "before-packages", modules=nvlink5.modules)))


ROLE = Role("nvidia-fabric-manager", wanted, applies, watched)
