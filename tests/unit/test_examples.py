"""docs/explain.md and README.md show what `xpulab explain` prints today."""

from __future__ import annotations

from pages.examples import PAGE, README, page, readme

RUN = "run: python -m pages"


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), RUN


def test_the_readme_is_not_stale() -> None:
    text = README.read_text(encoding="utf-8")
    assert text.count("$ xpulab explain") == 2
    assert len(text.splitlines()) <= 150
    assert text == readme(text), RUN
