"""Does each kernel's meta package still bring the series that the catalog says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from debian.debian_support import NativeVersion

from xpulab.catalog.claims import Place
from xpulab.catalog.systems import Kernel, OperatingSystem
from xpulab.desired.kinds.apt_repository import AptRepository
from xpulab.upstreams.apt_indexes import Index
from xpulab.upstreams.editing import CopyLine, Edit, SetValue
from xpulab.upstreams.finding import Finding
from xpulab.upstreams.web import NoAnswer

KIND = "kernel series"
SERIES = re.compile(r"(?:\d+:)?(\d+\.\d+)")


@dataclass(frozen=True)
class MetaPackage:
    """A kernel that its meta package is to bring, at the place of its line, and where the package is."""

    place: Place
    kernel: Kernel
    name: str
    sources: tuple[AptRepository, ...]


def meta_packages(
    key: str,
    system: OperatingSystem,
    archive: tuple[AptRepository, ...],
    others: Mapping[str, AptRepository],
) -> Iterator[MetaPackage]:
    """Those of one system; what an older kernel's package brings today is asked of the newer one."""
    for number, kernel in enumerate(system.kernels):
        if not kernel.superseded:
            sources = (others[kernel.repository],) if kernel.repository else archive
            place = Place("operating_systems.yml", (key, "kernels", number, "series"))
            yield MetaPackage(place, kernel, system.meta_package(kernel), sources)


def finding(meta: MetaPackage, indexes: Sequence[Index | NoAnswer]) -> Finding:
    """What the newest version of a meta package, in all of its sources, says of its kernel's series."""
    name = f"{meta.place} ({meta.name})"
    versions = [
        version for index in indexes if isinstance(index, dict) for version in index.get(meta.name, [])
    ]
    unread = [index for index in indexes if isinstance(index, NoAnswer)]
    if not versions:
        reason = next((each for each in unread if each.state != "rotten"), None)
        if reason:
            return Finding.without(reason, KIND, name)
        suites = ", ".join(source.suite for source in meta.sources)
        return Finding(KIND, name, "rotten", f"{meta.name} is not in {suites}")
    newest = max(versions, key=NativeVersion)
    series = SERIES.match(newest)
    if series and series[1] == meta.kernel.series:
        return Finding(KIND, name, "sound", newest)
    detail = f"it is {newest} now, the catalog says {meta.kernel.series}"
    return Finding(KIND, name, "rotten", detail, _followed_by(meta, series[1]) if series else ())


def _followed_by(meta: MetaPackage, series: str) -> tuple[Edit, ...]:
    """A line for the new series behind that of the old one, which hosts still run."""
    line = Place(meta.place.file, meta.place.keys[:-1])
    return (
        CopyLine(line, {"series": series}),
        SetValue(line / "title", f"earlier {meta.kernel.title}"),
        SetValue(line / "superseded", "true"),
    )
