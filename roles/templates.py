"""Files from the templates, which are laid out as on the host."""

from __future__ import annotations

from typing import Any, Literal

from xpulab.desired.kinds.file import File
from xpulab.desired.templates import TEMPLATES, environment


def file(
    path: str,
    phase: Literal["before-packages", "after-packages"] = "after-packages",
    mode: str = "0644",
    **values: Any,
) -> File:
    """The file at a path on the host, rendered from the template that lies at the same path."""
    return File(path, environment().get_template(f"{path.lstrip('/')}.j2").render(**values), mode, phase)


def verbatim(path: str, mode: str = "0644") -> File:
    """The file at a path on the host, as it lies at the same path among the templates."""
    return File(path, (TEMPLATES / path.lstrip("/")).read_text(encoding="utf-8"), mode)
