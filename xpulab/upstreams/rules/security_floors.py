"""Is the oldest version that the catalog lets a host have what the vendor's bulletins call safe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from xpulab.catalog.claims import Floor, Place
from xpulab.catalog.entry import release
from xpulab.upstreams.bulletins import Fix
from xpulab.upstreams.editing import SetValue
from xpulab.upstreams.finding import Finding
from xpulab.upstreams.web import NoAnswer

KIND = "security floor"


def findings(floors: Iterable[Floor], fixes: Sequence[Fix] | NoAnswer) -> Iterator[Finding]:
    """A finding for each floor that bulletins speak of; those that none names are as safe as was known."""
    floors = tuple(floors)
    if isinstance(fixes, NoAnswer):
        for file in dict.fromkeys(floor.place.file for floor in floors):
            yield Finding.without(fixes, KIND, file)
        return
    for floor in floors:
        about = [
            fix for fix in fixes if (fix.platform, fix.product in floor.products) == (floor.platform, True)
        ]
        if not about:
            continue
        safe = max(about, key=lambda fix: release(fix.version))
        if floor.version and release(floor.version) >= release(safe.version):
            yield Finding(
                KIND, str(floor.place), "sound", f"{floor.version}, bulletin {safe.bulletin} checked"
            )
        else:
            yield _below(floor, safe)


def _below(floor: Floor, safe: Fix) -> Finding:
    found = floor.version or "none"
    detail = f"bulletin {safe.bulletin} calls {safe.version} fixed, the catalog says {found}"
    edit = SetValue(Place(floor.place.file, floor.place.keys), safe.version, after="latest")
    return Finding(KIND, str(floor.place), "rotten", detail, (edit,))
