"""The workbench image of a host with NVIDIA GPUs."""

from __future__ import annotations

from xpulab.catalog.entry import release
from xpulab.catalog.images import CatalogImage
from xpulab.catalog.models import Catalog
from xpulab.inventory.settings import Policy
from xpulab.resolving.target import Target
from xpulab.resolving.workbench_parts import OnPytorchImage, UnifiedPart
from xpulab.schema.refusal import Refusal


def own(target: Target, policy: Policy, catalog: Catalog) -> OnPytorchImage:
    """Over the PyTorch image, which was chosen for the driver."""
    return OnPytorchImage("cuda", "the newest whose CUDA the driver is paired with")


def unified(target: Target, catalog: Catalog) -> UnifiedPart | Refusal:
    """The first CUDA build that suits a host's GPUs and driver; any other host is content with the first."""
    builds = catalog.workbench.unified.cuda
    if target.vendor != "nvidia":
        return _part(builds[0])
    chosen = next(each for each in catalog.every_image if each.reference == target.image.reference)
    for build in builds:
        cuda = catalog.workbench.wheels[build].cuda or ""
        twin = next((each for each in catalog.every_image if each.cuda == cuda), None)
        if twin and release(cuda) <= release(chosen.cuda or "0") and _runs_on_all(twin, target):
            return _part(build)
    return Refusal(
        reason=f"no unified workbench suits these GPUs and driver: its CUDA builds are {', '.join(builds)}",
        remedy="set workbench image: auto for this host",
    )


def _part(build: str) -> UnifiedPart:
    return UnifiedPart(build, f"CUDA build {build}")


def _runs_on_all(image: CatalogImage, target: Target) -> bool:
    return all(image.runs_on(gpu.compute_capability) for gpu in target.accelerators if gpu.compute_capability)
