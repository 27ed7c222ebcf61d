"""NVIDIA, as it is registered."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.resolving.nvidia import gpus, workbench
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.nvidia.plan import plan
from xpulab.resolving.target import Target
from xpulab.resolving.vendor import DriverWords, Vendor
from xpulab.resolving.workbench_parts import WorkbenchParts


def _driver(target: Target, catalog: Catalog) -> DriverWords:
    driver = target.driver_of("nvidia")
    source = "archive" if driver.source == "archive" else "CUDA repository"
    return DriverWords(driver.branch, driver.modules, source)


NVIDIA = Vendor(
    name="nvidia",
    facts=NvidiaFacts,
    device_table="nvidia/families.yml",
    torch_device="cuda",
    classify=gpus.classify,
    plan=plan,
    kinds=gpus.kinds,
    describe_driver=_driver,
    odd_classes=gpus.nvswitches,
    workbench=WorkbenchParts(workbench.own, workbench.unified),
)
