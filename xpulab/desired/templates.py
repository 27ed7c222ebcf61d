"""The templates of the project, whoever renders them."""

from __future__ import annotations

import shlex
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Jinja2 as every template here expects it: undefined names are errors, blocks leave no blank lines."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
        autoescape=False,  # configuration files, not HTML
    )
    made.filters["quote"] = shlex.quote
    return made
