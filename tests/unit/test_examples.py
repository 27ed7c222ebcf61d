"""docs/explain.md shows what `xpulab explain` prints today."""

from __future__ import annotations

from pathlib import Path

from roles.examples import page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explain.md"


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m roles.examples > docs/explain.md"
