"""Intel, as it is registered."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.resolving.intel import gpus, workbench
from xpulab.resolving.intel.facts import IntelFacts
from xpulab.resolving.intel.plan import plan
from xpulab.resolving.target import Target
from xpulab.resolving.vendor import DriverWords, Vendor
from xpulab.resolving.workbench_parts import WorkbenchParts


def _driver(target: Target, catalog: Catalog) -> DriverWords:
    devices, driver = catalog.of(IntelFacts).devices, target.driver_of("intel")
    gpu = next(each for each in target.accelerators if each.family in devices)
    return DriverWords(devices[gpu.family].driver, driver.modules, f"channel {driver.branch}")


INTEL = Vendor(
    name="intel",
    facts=IntelFacts,
    device_table="intel/devices.yml",
    torch_device="xpu",
    classify=gpus.classify,
    plan=plan,
    kinds=gpus.kinds,
    describe_driver=_driver,
    workbench=WorkbenchParts(workbench.own, workbench.unified),
)
