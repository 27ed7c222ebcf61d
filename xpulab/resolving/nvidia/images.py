"""Which PyTorch image suits NVIDIA GPUs under a driver."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from xpulab.catalog.entry import release
from xpulab.catalog.images import CatalogImage
from xpulab.catalog.models import Catalog
from xpulab.resolving import images
from xpulab.resolving.nvidia.entries import Cuda
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.nvidia.gpus import NvidiaGpu
from xpulab.resolving.reason import Reason
from xpulab.resolving.target import CPU_INSTEAD
from xpulab.schema.refusal import Refusal

Cudas = Mapping[str, Cuda]  # by the version that images name


def choose(
    gpus: Sequence[NvidiaGpu], driver: str, torch: str | None, catalog: Catalog
) -> tuple[images.Choice, Reason] | Refusal:
    """The image for all GPUs under a driver version that the host has at least, and why it is this one.

    An image is lawful when it holds code for every GPU and its CUDA's floor is met
    (https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html). Those whose CUDA
    is paired with the driver win, as the others run without just-in-time compilation.
    """
    cuda = catalog.of(NvidiaFacts).cuda
    lawful = [image for image in catalog.images_of("nvidia") if _suits(image, gpus, driver, cuda)]
    if not lawful:
        return _no_image(gpus, driver, catalog)
    chosen = images.newest(lawful, torch, lambda found: _paired_first(found, driver, cuda))
    if isinstance(chosen, Refusal):
        return chosen
    image, notes = chosen
    if not _paired(image, driver, cuda):
        notes += (
            f"CUDA {image.cuda} of the image is newer than driver {driver} is paired with: "
            "it runs, without just-in-time compilation of PTX",
        )
    rule = _rule(image, gpus, driver, cuda)
    if torch is None and any(release(each.torch) > release(image.torch) for each in lawful):
        rule += "; newer ones are paired with a newer driver, and would run without just-in-time compilation"
    why = images.reason(image, torch, rule, catalog)
    return images.Choice(image, notes), why


def _rule(image: CatalogImage, gpus: Iterable[NvidiaGpu], driver: str, cudas: Cudas) -> str:
    """What makes the image lawful, and better than the others."""
    cuda = cudas[image.cuda or ""]
    capabilities = sorted({gpu.accelerator.compute_capability or "0.0" for gpu in gpus}, key=release)
    return (
        f"have code for compute capability {', '.join(capabilities)}; CUDA {image.cuda} runs from driver "
        f"{cuda.minimum_driver} on and is paired with {cuda.paired_driver}, the host has {driver} or later"
        + ("" if _paired(image, driver, cudas) else " (not paired: no just-in-time compilation)")
    )


def _suits(image: CatalogImage, gpus: Iterable[NvidiaGpu], driver: str, cuda: Cudas) -> bool:
    floor = cuda[image.cuda or ""].minimum_driver
    return release(driver) >= release(floor) and all(
        image.runs_on(gpu.accelerator.compute_capability or "0.0") for gpu in gpus
    )


def _paired(image: CatalogImage, driver: str, cuda: Cudas) -> bool:
    return release(driver) >= release(cuda[image.cuda or ""].paired_driver)


def _paired_first(found: Sequence[CatalogImage], driver: str, cuda: Cudas) -> Sequence[CatalogImage]:
    return [image for image in found if _paired(image, driver, cuda)] or found


def _no_image(gpus: Sequence[NvidiaGpu], driver: str, catalog: Catalog) -> Refusal:
    cuda = catalog.of(NvidiaFacts).cuda

    def together(pair: Sequence[NvidiaGpu]) -> bool:
        return any(_suits(image, pair, driver, cuda) for image in catalog.images_of("nvidia"))

    for gpu in gpus:
        if not together([gpu]):
            return Refusal(
                reason=f"no PyTorch image has code for {gpu.label} under driver {driver}",
                remedy=f"add such an image to xpulab/catalog/images.yml, or {CPU_INSTEAD}",
            )
    clash = next((pair for pair in combinations(gpus, 2) if not together(pair)), tuple(gpus))
    return Refusal(
        reason=f"no PyTorch image has code for both {' and '.join(gpu.label for gpu in clash)}",
        remedy=f"move one of them to another host, or {CPU_INSTEAD}",
    )
