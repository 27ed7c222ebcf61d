"""Where snapshots are put: one file a host, which its owner alone can read."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path

from xpulab.snapshots.snapshot import Snapshot

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def file_name(host: str) -> str:
    """A file name for a host of any name: never a path, and two hosts never have the same."""
    if _SAFE.fullmatch(host):
        return f"{host}.json"
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", host).strip("._-")[:80]
    return f"{readable or 'host'}-{hashlib.sha256(host.encode(errors='replace')).hexdigest()[:12]}.json"


def write(folder: Path, snapshot: Snapshot) -> Path:
    """Put a snapshot into a folder, which is made, in place of an older one of the host. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / file_name(snapshot.host)
    descriptor, fresh = tempfile.mkstemp(prefix=".snapshot-", dir=folder)  # which only its owner can read
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(snapshot.text())
        Path(fresh).replace(path)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise
    return path
