"""The file that runs are written down in: a line of JSON for each, the oldest of them let go in time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from fcntl import LOCK_EX, flock
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

MOST_BYTES = 4 << 20
KEPT = 4
"""Files: the one that is written to, and those before it."""


class HostEntry(BaseModel):
    """What became of one host: `changed` and `left` are differences in words, put right and not."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: str
    changes: int = 0
    reason: str = ""
    changed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


class RunEntry(BaseModel):
    """One run: when it began and how long it took, who ran what, and what became of each host."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    when: datetime
    seconds: float
    who: str
    revision: str
    command: tuple[str, ...]
    dry: bool = False
    hosts: dict[str, HostEntry]


def place() -> Path:
    """The journal of this user, where the system keeps such things ($XDG_STATE_HOME)."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "xpulab" / "history.jsonl"


def append(entry: RunEntry, journal: Path) -> None:
    """Write a run down. Raises OSError where that cannot be done."""
    journal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(journal.with_suffix(".lock"), os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        flock(descriptor, LOCK_EX)
        if journal.exists() and journal.stat().st_size > MOST_BYTES:
            _let_the_oldest_go(journal)
        line = f"{entry.model_dump_json()}\n".encode()
        out = os.open(journal, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)
        with os.fdopen(out, "r+b", closefd=True) as file:
            if file.seek(0, os.SEEK_END) and not _ends_a_line(file.fileno()):
                line = b"\n" + line  # a run that was killed while it wrote
            file.write(line)
    finally:
        os.close(descriptor)


def entries(journal: Path) -> Iterator[RunEntry]:
    """The runs that are written down, the oldest first; what is no such line is passed over."""
    for file in (*(_numbered(journal, number) for number in range(KEPT - 1, 0, -1)), journal):
        with suppress(FileNotFoundError), file.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                with suppress(ValidationError, json.JSONDecodeError):
                    yield RunEntry.model_validate_json(line)


def _ends_a_line(descriptor: int) -> bool:
    return os.pread(descriptor, 1, os.fstat(descriptor).st_size - 1) == b"\n"


def _let_the_oldest_go(journal: Path) -> None:
    for number in range(KEPT - 1, 0, -1):
        before = journal if number == 1 else _numbered(journal, number - 1)
        if before.exists():
            before.replace(_numbered(journal, number))


def _numbered(journal: Path, number: int) -> Path:
    return journal.with_name(f"{journal.name}.{number}")
