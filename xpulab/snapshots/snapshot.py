"""A snapshot: all that an answer about a host needs, in one JSON file."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pydantic import ConfigDict

from xpulab.probing.observed import Observed
from xpulab.probing.watched import Watched
from xpulab.schema.strict import Strict

FORMAT = 1
"""Raised where files of before cannot be read: a new field that has a default is no reason."""


class LeftOut(Strict):
    """Something of the host that is not in its snapshot, and why."""

    what: str
    why: str


class Untold(Strict):
    """A difference that a snapshot cannot tell, as something that it needs was left out."""

    kind: str
    name: str


class Snapshot(Strict):
    """What a probe saw of a host, what it looked at, and what the inventory said of it.

    `state` and `reason` are what was made of it there. `own_roles` are the roles of its lab's own.
    pydantic takes the two dataclasses field by field, and this class's strictness for them and those in them.
    """

    model_config = ConfigDict(strict=True)

    format: int
    xpulab: str
    host: str
    state: str
    reason: str = ""
    own_roles: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    untold: tuple[Untold, ...] = ()
    settings: dict[str, Any]
    watched: Watched
    observed: Observed

    def text(self) -> str:
        """The snapshot as its file has it."""
        return self.model_dump_json(indent=1) + "\n"


@cache
def this_xpulab() -> str:
    """The version of xpulab that runs."""
    try:
        return version("xpulab")
    except PackageNotFoundError:
        return "of an unknown version"
