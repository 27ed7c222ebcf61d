"""Do each step of the build once for what goes into it, also when a run was cut short."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

from vlab.places import SOURCES, STAMPS


def say(line: str) -> None:
    """Tell the person at the keyboard what is going on."""
    print(f"testbed: {line}", file=sys.stderr, flush=True)


def digest(*inputs: Path | str) -> str:
    """Return one hash over texts, files and whole folders."""
    total = hashlib.sha256()
    for item in inputs:
        if isinstance(item, str):
            total.update(item.encode() + b"\0")
            continue
        if SOURCES in item.parents and not item.exists():
            raise FileNotFoundError(f"{item} is gone, and a step of the build says that it is made from it")
        for path in sorted(item.rglob("*")) if item.is_dir() else [item]:
            if path.is_file() and "__pycache__" not in path.parts:
                mode = path.stat().st_mode & 0o111
                total.update(f"{path.relative_to(item.parent)}:{mode}".encode() + b"\0")
                total.update(path.read_bytes() + b"\0")
    return total.hexdigest()[:12]


def once(
    name: str, what: str, fingerprint: str, action: Callable[[], None], result: Path | None = None
) -> None:
    """Run `action` unless it already finished for the same `fingerprint` and its `result` is still there."""
    stamp = STAMPS / name
    if stamp.is_file() and stamp.read_text() == fingerprint and (result is None or result.exists()):
        return
    stamp.unlink(missing_ok=True)
    say(f"{what} ...")
    started = time.monotonic()
    action()
    STAMPS.mkdir(parents=True, exist_ok=True)
    stamp.write_text(fingerprint)
    say(f"{what}: done in {time.monotonic() - started:.0f} s")
