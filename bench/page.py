"""docs/performance.md, as a whole: its prose is in page.md.j2, all else comes from results."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from vlab.places import ROOT

from bench.plots import draw
from bench.report import growth_rows, markdown, scenario_rows, target_rows, title
from bench.results import Results

PAGE = ROOT / "docs" / "performance.md"
PICTURES = ROOT / "docs" / "performance"
RESULTS = PICTURES / "results.json"


def write_page(results: Results) -> None:
    """Write the page and its pictures."""
    drawn = draw(results, PICTURES)
    scenarios = [
        {
            "title": title(name, result),
            "about": ", ".join(f"{key} {value}" for key, value in result.about.items()),
            "picture": name if name in drawn else None,
            "table": markdown(growth_rows(result) if name == "growth" else scenario_rows(result)),
        }
        for name, result in results.items()
    ]
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    page = templates.get_template("page.md.j2")
    PAGE.write_text(page.render(targets=markdown(target_rows(results)), scenarios=scenarios))
