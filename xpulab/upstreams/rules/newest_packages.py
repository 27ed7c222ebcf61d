"""Is the version of a package that the catalog chose the newest one of its repository."""

from __future__ import annotations

from debian.debian_support import NativeVersion

from xpulab.catalog.claims import ChosenPackage
from xpulab.upstreams.apt_indexes import Index
from xpulab.upstreams.editing import SetValue
from xpulab.upstreams.finding import Finding
from xpulab.upstreams.web import NoAnswer

KIND = "newest package"


def finding(chosen: ChosenPackage, index: Index | NoAnswer) -> Finding:
    """What the repository has beyond the version that is chosen."""
    name = f"{chosen.place} ({chosen.name})"
    if isinstance(index, NoAnswer):
        return Finding.without(index, KIND, name)
    versions = index.get(chosen.name, [])
    if not versions:
        return Finding(KIND, name, "rotten", f"{chosen.repository} has no {chosen.name}")
    newest = max(versions, key=NativeVersion)
    if NativeVersion(newest) <= NativeVersion(chosen.version):
        return Finding(KIND, name, "sound", chosen.version)
    detail = f"{newest} is out, the catalog says {chosen.version}"
    return Finding(KIND, name, "rotten", detail, (SetValue(chosen.place, newest),))
