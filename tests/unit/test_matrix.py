"""docs/hardware-matrix.md is what the catalog says."""

from __future__ import annotations

from pathlib import Path

from pages.matrix import matrix
from xpulab.resolving.intel.facts import IntelFacts
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.vendors import load_catalog as load

PAGE = Path(__file__).resolve().parents[2] / "docs" / "hardware-matrix.md"


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text(encoding="utf-8") == matrix(load()), "run: python -m pages"


def test_every_family_is_on_the_page_for_every_system() -> None:
    page = matrix(load())
    families = [each.title for each in load().of(NvidiaFacts).families.values()]
    for title in (*families, *(each.title for each in load().of(IntelFacts).devices.values())):
        assert f"\n| {title}" in page
    assert "at 0000:" not in page  # a family's line speaks of no single card
