"""Does the catalog know the newest PyTorch: the tags of its images, and the release on the package index."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from xpulab.catalog.claims import Place
from xpulab.catalog.entry import release
from xpulab.catalog.images import CatalogImage, ImageRepository
from xpulab.upstreams.finding import Finding
from xpulab.upstreams.web import NoAnswer

KIND = "newest PyTorch"
NUMBER = re.compile(r"\d+(?:\.\d+)*")
SHOWN = 4
Shape = tuple[str, ...]


def of_tags(repository: str, images: ImageRepository, tags: Iterable[str] | NoAnswer) -> Finding:
    """Tags made like those of the catalog whose first number, the release, is newer than all of these.

    No edit is made of them: what a new image serves (compute capabilities, families) is in no tag.
    """
    name = str(Place("images.yml", (repository, "tags")))
    if isinstance(tags, NoAnswer):
        return Finding.without(tags, KIND, name)
    known: dict[Shape, tuple[int, ...]] = {}
    for tag in images.tags:
        shape, number = _shape(tag)
        known[shape] = max(known.get(shape, ()), number)
    newer = sorted(
        (number, tag) for tag in tags for shape, number in [_shape(tag)] if number > known.get(shape, number)
    )
    if not newer:
        return Finding(KIND, name, "sound", next(iter(images.tags)))
    shown = ", ".join(tag for _, tag in newer[-SHOWN:])
    more = f" and {len(newer) - SHOWN} more" if len(newer) > SHOWN else ""
    return Finding(KIND, name, "rotten", f"newer than all of the catalog: {shown}{more}")


def of_index(images: Iterable[CatalogImage], answer: Mapping[str, Any] | NoAnswer) -> Iterator[Finding]:
    """A warning where the package index has a release of which the catalog has no image.

    A warning alone, as images follow a release, or do not. Source: https://docs.pypi.org/api/json/, as of
    2026-11-27.
    """
    name = "images.yml (torch)"
    if isinstance(answer, NoAnswer):
        yield Finding.without(answer, KIND, name)
        return
    try:
        newest = str(answer["info"]["version"])
        uploads = answer.get("urls") or [{}]
        day = str(uploads[0].get("upload_time", ""))[:10]
        numbers = release(newest)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        yield Finding(KIND, name, "unchecked", f"the index's answer is not as it is known here ({error!r})")
        return
    known = max((image.torch for image in images), key=release)
    if numbers <= release(known):
        yield Finding(KIND, name, "sound", known)
    else:
        since = f" since {day}" if day else ""
        detail = f"{newest} is on the package index{since}, the newest image of the catalog has {known}"
        yield Finding(KIND, name, "warning", detail)


def _shape(tag: str) -> tuple[Shape, tuple[int, ...]]:
    """A tag's text between its numbers, and its first number."""
    numbers = NUMBER.findall(tag)
    return tuple(NUMBER.split(tag)), release(numbers[0]) if numbers else ()
