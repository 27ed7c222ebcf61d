"""The fabric manager, without which CUDA does not start on GPUs behind NVSwitches."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.desired.manifest import Manifest, Package, Unit
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.target import Target
from xpulab.roles.templates import file


def manifest(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """The fabric manager of the driver's branch and source, running; for NVLink 5 its subnet manager too.

    Nothing where the GPUs are not joined.
    """
    if target.fabric is None:
        return Manifest()
    data, driver = catalog.of(NvidiaFacts).driver, target.driver_of("nvidia")
    floor = data.branches[driver.branch].security_floor
    if driver.source == "cuda":
        names, below = data.cuda.fabric_manager_of(driver.branch), str(int(driver.branch) + 1)
        packages = tuple(Package(name, minimum=floor, below=below) for name in names)
    else:
        names = tuple(name.format(branch=driver.branch) for name in data.archive.fabric_manager)
        packages = tuple(Package(name, minimum=floor) for name in names)
    fabric = Manifest(packages=packages, units=(Unit(data.nvswitch.unit),))
    return fabric + _nvlink5(catalog) if target.fabric == "nvlink5" else fabric


def _nvlink5(catalog: Catalog) -> Manifest:
    """NVLink 5 switches are managed through network adapters, which need modules of their own at boot."""
    nvlink5 = catalog.of(NvidiaFacts).driver.nvlink5
    return Manifest(
        packages=tuple(Package(name) for name in nvlink5.packages),
        files=(file("/etc/modules-load.d/xpulab-nvlink5.conf", "before-packages", modules=nvlink5.modules),),
    )
