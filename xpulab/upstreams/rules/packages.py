"""Has every package that a host could be told to have a candidate in that host's repositories."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from debian.debian_support import NativeVersion

from xpulab.desired.kinds.apt_repository import AptRepository
from xpulab.desired.kinds.package import Package
from xpulab.desired.manifest import Manifest
from xpulab.upstreams.apt_indexes import Index
from xpulab.upstreams.finding import Finding
from xpulab.upstreams.web import NoAnswer


@dataclass(frozen=True)
class Wanted:
    """The manifest of one kind of host, in words, and the archive of its system."""

    host: str
    manifest: Manifest
    archive: tuple[AptRepository, ...]

    @property
    def sources(self) -> tuple[AptRepository, ...]:
        """Where apt looks on such a host."""
        return (*self.manifest.of(AptRepository), *self.archive)


def findings(
    wanted: Iterable[Wanted], indexes: Mapping[AptRepository, Index | NoAnswer]
) -> Iterator[Finding]:
    """A finding for each package and place, and for each index that is not to be had.

    Where an index was not read, a package that is in no other one is not spoken of: it may be there.
    """
    for repository, index in indexes.items():
        if isinstance(index, NoAnswer):
            yield Finding.without(index, "apt index", f"{repository.name} {repository.suite}")
    seen: set[tuple[Package, bool, tuple[AptRepository, ...]]] = set()
    for each in wanted:
        read = [index for source in each.sources if isinstance(index := indexes[source], dict)]
        unknown = any(
            isinstance(index, NoAnswer) and index.state != "rotten"
            for index in (indexes[source] for source in each.sources)
        )
        for package in each.manifest.of(Package):
            found = _package(package, read, each.host)
            key = (package, found.rotten, each.archive)
            if key not in seen and not (found.rotten and unknown):
                seen.add(key)
                yield found


def _package(package: Package, indexes: Sequence[Index], host: str) -> Finding:
    versions = [version for index in indexes for version in index.get(package.name, [])]
    if package.version:
        versions = [each for each in versions if each == package.version]
    if package.minimum:
        versions = [each for each in versions if NativeVersion(each) >= NativeVersion(package.minimum)]
    if package.below:
        versions = [each for each in versions if NativeVersion(each) < NativeVersion(package.below)]
    if not versions:
        wish = package.version or (f"{package.minimum} or newer" if package.minimum else "any version")
        return Finding("package", package.name, "rotten", f"{wish} is in no repository of {host}")
    return Finding("package", package.name, "sound", max(versions, key=NativeVersion))
