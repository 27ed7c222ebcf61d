"""What a release looks like, to those who make one and to the hosts that take it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

FIRST_LINE = "xpulab-release 1"
NAMESPACE = "xpulab-release"
"""Keeps a signature that was made for something else from being one of a release."""
MOST_BYTES = 16384
"""A host fetches no more than this before it has checked the signature."""


@dataclass(frozen=True)
class Part:
    """One tarball of a release: `toolkit`, or the packages for a Python such as `python3.12`."""

    part: str
    file: str
    size: int
    sha256: str


def release_text(made: datetime, parts: Iterable[Part]) -> str:
    """The signed file of a release; its serial is the UTC time it was made at."""
    lines = [f"part {each.part} {each.file} {each.size} {each.sha256}" for each in parts]
    return "\n".join([FIRST_LINE, f"serial {made:%Y%m%d%H%M%S}", *lines, ""])
