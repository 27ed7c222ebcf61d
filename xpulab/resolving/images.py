"""Which PyTorch image a host gets: of the lawful ones the policy's, else the newest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from xpulab.catalog.entry import release
from xpulab.catalog.images import CatalogImage
from xpulab.catalog.models import Catalog
from xpulab.resolving.reason import Reason
from xpulab.schema.refusal import Refusal

Narrowing = Callable[[Sequence[CatalogImage]], Sequence[CatalogImage]]


class Choice(NamedTuple):
    """An image, and what its reader should know."""

    image: CatalogImage
    notes: tuple[str, ...]


def newest(lawful: Sequence[CatalogImage], torch: str | None, narrow: Narrowing = list) -> Choice | Refusal:
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
    return Choice(image, (*notes, image.note) if image.note else notes)


def reason(image: CatalogImage, torch: str | None, lawful: str, catalog: Catalog) -> Reason:
    """Why this image of those that `lawful` describes."""
    best = f"nearest to PyTorch {torch}, which policy asks for," if torch else "newest PyTorch"
    source = catalog.images[image.reference.rpartition(":")[0]]
    return Reason("image", image.reference, f"{best} among the images that {lawful}", source)


def _is_of(image: CatalogImage, asked: tuple[int, ...]) -> bool:
    return release(image.torch)[: len(asked)] == asked


def _nearest(lawful: Sequence[CatalogImage], asked: tuple[int, ...]) -> list[CatalogImage]:
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
