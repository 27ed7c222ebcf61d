"""What a probe has to look at, as the roles of a run say it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import chain
from typing import Any

# No backslash in a pattern: a shell takes it for a quotation mark there, and for itself in a plain path.
PATTERN = re.compile(r"/(?:[A-Za-z0-9_./@:+\\-]+|[A-Za-z0-9_./@:+*?-]+)")
NAME = re.compile(r"[A-Za-z0-9_.@:+\\][A-Za-z0-9_.@:+\\-]*")
FACT_NAME = re.compile(r"[a-z0-9-]+")
ANY_HARDWARE = "any"


@dataclass(frozen=True)
class WatchedModule:
    """A kernel module, looked at where a PCI function of this vendor (`0x` and four hex digits) is there."""

    name: str
    pci_vendor: str = ANY_HARDWARE


@dataclass(frozen=True)
class WatchedContainer:
    """A container that a systemd unit of ours runs: it is asked for where that unit is."""

    name: str
    unit: str


@dataclass(frozen=True)
class Watched:
    """Everything that a role's manifest may speak of, beside packages and apt sources, which always are.

    `files` are paths or shell patterns; of `contents` the text is read as well. `origins` are packages of
    which it matters what source has the version that is installed. `facts` are for what none of these can
    tell: a name, and POSIX sh that prints it, run as root and changing nothing. Raises ValueError for a name
    that a shell could take for something else.
    """

    files: tuple[str, ...] = ()
    contents: tuple[str, ...] = ()
    modules: tuple[WatchedModule, ...] = ()
    units: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    containers: tuple[WatchedContainer, ...] = ()
    origins: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Let nothing through that is not a plain path, pattern or name."""
        modules = [name for each in self.modules for name in (each.name, each.pci_vendor)]
        containers = [name for each in self.containers for name in (each.name, each.unit)]
        names = (*self.units, *self.groups, *self.users, *self.origins, *modules, *containers)
        wrong = [
            *(path for path in (*self.files, *self.contents) if not _is(PATTERN, path)),
            *(name for name in names if not _is(NAME, name)),
            *(name for name in self.facts if not _is(FACT_NAME, name)),
        ]
        if wrong:
            raise ValueError(f"{wrong[0]!r} cannot be watched: it is no plain path, pattern or name")

    def __add__(self, other: Watched) -> Watched:
        """All that either of them watches, each once."""
        return together((self, other))

    def has_file(self, path: str) -> bool:
        """Whether a file at this path would be seen."""
        return path in self.files or any(_matches(path, pattern) for pattern in self.files)


def together(parts: Sequence[Watched]) -> Watched:
    """All that any of them watches, each once."""
    names = [each.name for each in fields(Watched) if each.name != "facts"]
    merged: dict[str, Any] = {
        name: tuple(dict.fromkeys(chain.from_iterable(getattr(each, name) for each in parts)))
        for name in names
    }
    return Watched(**merged, facts={name: how for each in parts for name, how in each.facts.items()})


@lru_cache(maxsize=4096)
def _is(form: re.Pattern[str], word: str) -> bool:
    return form.fullmatch(word) is not None


@lru_cache(maxsize=4096)
def _matches(path: str, pattern: str) -> bool:
    """Whether a shell would expand the pattern to the path: a star is no slash, and no leading dot."""
    if path.count("/") != pattern.count("/"):
        return False
    parts = zip(path.split("/"), pattern.split("/"), strict=True)
    return all(
        fnmatchcase(name, part) and (not name.startswith(".") or part.startswith(".")) for name, part in parts
    )
