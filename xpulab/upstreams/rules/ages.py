"""Which entries nobody has compared with their source for long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from xpulab.catalog.claims import Place
from xpulab.upstreams.editing import DATE
from xpulab.upstreams.finding import Finding

KIND = "age"


def findings(files: Mapping[str, Any], today: date, days: int) -> Iterator[Finding]:
    """A warning for each entry that is older than so many days, and one finding for each file without any.

    `files` are the catalog's, by name, as YAML gives them.
    """
    for name, content in files.items():
        entries = list(_entries(Place(name, ()), content))
        old = [(place, day) for place, day in entries if (today - day).days > days]
        for place, day in old:
            detail = f"as of {day}, {(today - day).days} days ago: read its source again"
            yield Finding(KIND, str(place), "warning", detail)
        if entries and not old:
            yield Finding(KIND, name, "sound", f"oldest as of {min(day for _, day in entries)}")


def _entries(place: Place, content: Any) -> Iterator[tuple[Place, date]]:
    if isinstance(content, dict):
        if isinstance(content.get(DATE), date):
            yield place, content[DATE]
        for key, value in content.items():
            yield from _entries(place / key, value)
