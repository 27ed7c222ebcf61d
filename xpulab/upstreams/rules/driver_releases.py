"""Does the catalog know each branch of a vendor's driver, its newest release and its kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from xpulab.catalog.claims import Branch
from xpulab.catalog.entry import release
from xpulab.upstreams.bulletins import VERSION
from xpulab.upstreams.editing import SetValue
from xpulab.upstreams.finding import Finding
from xpulab.upstreams.web import NoAnswer

KIND = "driver branch"
ARCHITECTURE = "x86_64"
Listed = dict[str, tuple[str, str, str]]
"""Kind, newest release and its date, by branch."""


def listed(releases: Any) -> Listed:
    """The list of a vendor's, read: a mapping of branches, each with `type` and `driver_info`.

    Source: https://docs.nvidia.com/datacenter/tesla/drivers/releases.json, as of 2026-09-28. Raises KeyError,
    TypeError or AttributeError where it is of another make.
    """
    found: Listed = {}
    for branch, about in releases.items():
        versions = [
            (each["release_version"], each.get("release_date") or "")
            for each in about["driver_info"]
            if ARCHITECTURE in each.get("architectures", (ARCHITECTURE,))
            and VERSION.fullmatch(each["release_version"])
        ]
        if versions:
            found[branch] = (about["type"], *max(versions, key=lambda each: release(each[0])))
    return found


def findings(branches: Iterable[Branch], releases: Any | NoAnswer) -> Iterator[Finding]:
    """A finding for each branch of the catalog that the list has, and for each one that it has beside."""
    branches = tuple(branches)
    if not branches:
        return
    file = branches[0].place.file
    if isinstance(releases, NoAnswer):
        yield Finding.without(releases, KIND, file)
        return
    try:
        found = listed(releases)
    except (KeyError, TypeError, AttributeError) as error:
        yield Finding(KIND, file, "unchecked", f"the list of releases is not as it is known here ({error!r})")
        return
    for branch in branches:
        yield from _about(branch, found)
    first = min((int(branch.name) for branch in branches if branch.supported), default=0)
    for name, (kind, newest, day) in found.items():
        if name.isdigit() and int(name) > first and name not in {branch.name for branch in branches}:
            detail = f"branch {name} ({kind}, {newest} of {day or 'no date'}) is not in the catalog"
            yield Finding(KIND, f"{file}: branches > {name}", "rotten", detail)


def _about(branch: Branch, found: Listed) -> Iterator[Finding]:
    name = str(branch.place)
    if branch.name not in found:
        if branch.supported:
            yield Finding(KIND, name, "warning", "the vendor's list has it no more: is its life over?")
        return
    kind, newest, day = found[branch.name]
    said = branch.kind.lower()
    if branch.supported and not kind.startswith(said):
        yield Finding(KIND, str(branch.place / "kind"), "rotten", f"is {branch.kind}, the list says {kind}")
    if day > branch.end_of_life.isoformat():
        detail = f"{branch.end_of_life}, but {newest} was released {day}: is its life longer?"
        yield Finding(KIND, str(branch.place / "end_of_life"), "warning", detail)
    if branch.latest and release(branch.latest) >= release(newest):
        yield Finding(KIND, str(branch.place / "latest"), "sound", branch.latest)
    else:
        detail = f"is {branch.latest or 'none'}, the list has {newest} of {day or 'no date'}"
        edit = SetValue(branch.place / "latest", newest, after="end_of_life")
        yield Finding(KIND, str(branch.place / "latest"), "rotten", detail, (edit,))
