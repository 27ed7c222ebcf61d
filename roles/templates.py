"""Files from the templates, which are laid out as on the host."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from xpulab.manifest import File

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"


def file(
    path: str,
    phase: Literal["before-packages", "after-packages"] = "after-packages",
    mode: str = "0644",
    **values: Any,
) -> File:
    """The file at a path on the host, rendered from the template that lies at the same path."""
    content = _environment().get_template(f"{path.lstrip('/')}.j2").render(**values)
    return File(path, content, mode, phase)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # configuration files, not HTML
    )
