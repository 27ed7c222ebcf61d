"""docs/workbench-images.md shows what the catalog says today."""

from __future__ import annotations

from pages.workbench import PAGE, page


def test_the_tables_are_not_stale() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "run: python -m pages"
