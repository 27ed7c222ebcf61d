"""Hosts whose operating system will not be cared for much longer."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.catalog.systems import OperatingSystem


def leaving(system: OperatingSystem, catalog: Catalog) -> tuple[str, ...]:
    """A note where it is time to move to a system that is cared for longer; none otherwise.

    It says the same before the end and after it: a page that shows it grows old no sooner than its system.
    """
    if not system.leaving:
        return ()
    later = [each.title for each in catalog.operating_systems.values() if each.care.until > system.care.until]
    advice = f": plan a move to {' or '.join(later)}" if later else ""
    return (f"{system.title} is {system.care.in_words}{advice}",)
