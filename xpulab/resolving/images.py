"""Which PyTorch image a host gets: lawful ones first, then the policy, then the newest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import combinations

from xpulab.catalog.entry import release
from xpulab.catalog.images import CatalogImage
from xpulab.catalog.models import Catalog
from xpulab.resolving.accelerators import NvidiaGpu
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.target import Accelerator, Refusal

Narrowing = Callable[[list[CatalogImage]], list[CatalogImage]]
Choice = tuple[CatalogImage, tuple[str, ...]]  # an image, and what its reader should know


def for_nvidia(
    gpus: Sequence[NvidiaGpu], driver: str, torch: str | None, catalog: Catalog
) -> Choice | Refusal:
    """The image for all GPUs under a driver version that the host has at least.

    An image is lawful when it holds code for every GPU and its CUDA's floor is met
    (https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html). Those whose CUDA
    is paired with the driver win, as the others run without just-in-time compilation.
    """
    lawful = [image for image in _nvidia_images(catalog) if _suits(image, gpus, driver, catalog)]
    if not lawful:
        return _no_image(gpus, driver, catalog)
    chosen = _of_version(lawful, torch, lambda images: _paired_first(images, driver, catalog))
    if isinstance(chosen, Refusal):
        return chosen
    image, notes = chosen
    if not _paired(image, driver, catalog):
        notes += (
            f"CUDA {image.cuda} of the image is newer than driver {driver} is paired with: "
            "it runs, without just-in-time compilation of PTX",
        )
    return image, notes


def for_intel(accelerators: Sequence[Accelerator], torch: str | None, catalog: Catalog) -> Choice | Refusal:
    """The image that serves the families of all accelerators."""
    families = {accelerator.family for accelerator in accelerators}
    lawful = [
        image for image in catalog.every_image if image.vendor == "intel" and families <= set(image.families)
    ]
    if not lawful:
        return Refusal(
            reason=f"no PyTorch image serves {' and '.join(sorted(families))} together",
            remedy="keep one of them in this host, or set policy unsupported: cpu",
        )
    return _of_version(lawful, torch)


def for_cpu(torch: str | None, catalog: Catalog) -> Choice | Refusal:
    """The image for a host without an accelerator."""
    return _of_version([image for image in catalog.every_image if image.vendor == "cpu"], torch)


def _nvidia_images(catalog: Catalog) -> list[CatalogImage]:
    return [image for image in catalog.every_image if image.vendor == "nvidia"]


def _suits(image: CatalogImage, gpus: Iterable[NvidiaGpu], driver: str, catalog: Catalog) -> bool:
    floor = catalog.of(NvidiaFacts).cuda[image.cuda or ""].minimum_driver
    return release(driver) >= release(floor) and all(
        image.runs_on(gpu.accelerator.compute_capability or "0.0") for gpu in gpus
    )


def _paired(image: CatalogImage, driver: str, catalog: Catalog) -> bool:
    return release(driver) >= release(catalog.of(NvidiaFacts).cuda[image.cuda or ""].paired_driver)


def _paired_first(images: list[CatalogImage], driver: str, catalog: Catalog) -> list[CatalogImage]:
    return [image for image in images if _paired(image, driver, catalog)] or images


def _no_image(gpus: Sequence[NvidiaGpu], driver: str, catalog: Catalog) -> Refusal:
    def together(pair: Sequence[NvidiaGpu]) -> bool:
        return any(_suits(image, pair, driver, catalog) for image in _nvidia_images(catalog))

    for gpu in gpus:
        if not together([gpu]):
            return Refusal(
                reason=f"no PyTorch image has code for {gpu.label} under driver {driver}",
                remedy="add such an image to xpulab/catalog/images.yml, or set policy unsupported: cpu",
            )
    clash = next((pair for pair in combinations(gpus, 2) if not together(pair)), tuple(gpus))
    return Refusal(
        reason=f"no PyTorch image has code for both {' and '.join(gpu.label for gpu in clash)}",
        remedy="move one of them to another host, or set policy unsupported: cpu",
    )


def _of_version(lawful: list[CatalogImage], torch: str | None, narrow: Narrowing = list) -> Choice | Refusal:
    """The newest image after `narrow`, of the version asked for or the nearest one."""
    notes: tuple[str, ...] = ()
    if torch is not None:
        near = _nearest(lawful, release(torch))
        if not near:
            versions = sorted({image.torch for image in lawful}, key=release, reverse=True)
            return Refusal(
                reason=f"policy asks for PyTorch {torch}, and no image near it suits this host",
                remedy=f"set policy torch to one of {', '.join(versions)}, or leave it out",
            )
        if not _is_of(near[0], release(torch)):
            notes = (f"PyTorch {torch} has no image for this host: {near[0].torch} is the nearest",)
        lawful = near
    image = max(narrow(lawful), key=lambda image: (release(image.torch), release(image.cuda or "0")))
    return image, (*notes, image.note) if image.note else notes


def _is_of(image: CatalogImage, asked: tuple[int, ...]) -> bool:
    return release(image.torch)[: len(asked)] == asked


def _nearest(lawful: list[CatalogImage], asked: tuple[int, ...]) -> list[CatalogImage]:
    versions = nearest({image.torch for image in lawful}, asked)
    return [image for image in lawful if image.torch in versions]


def nearest(versions: Collection[str], asked: tuple[int, ...]) -> frozenset[str]:
    """Versions that are the one asked for; else the nearest patch level; else the newest older version.

    Never a newer minor version than the one asked for: programs written for the older one may break.
    """
    if exact := _starting_with(asked, versions):
        return exact
    if candidates := _starting_with(asked[:2], versions):
        return frozenset({min(sorted(candidates), key=lambda found: abs(release(found)[2] - asked[2]))})
    older = [found for found in _starting_with(asked[:1], versions) if release(found) < asked]
    return frozenset({max(older, key=release)} if older else ())


def _starting_with(asked: tuple[int, ...], versions: Collection[str]) -> frozenset[str]:
    return frozenset(found for found in versions if release(found)[: len(asked)] == asked)
