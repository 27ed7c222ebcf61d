"""Reads a snapshot, which may come from anybody: nothing in it is trusted, and no path in it is opened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from xpulab.schema import control_characters
from xpulab.schema.strict import explain_errors
from xpulab.snapshots.snapshot import FORMAT, Snapshot, this_xpulab

MOST_BYTES = 8 * 1024 * 1024
MOST_MISTAKES = 3
HAVE_LINES = ("contents", "facts", "settings")
"""What may have line ends in its strings."""


class SnapshotError(Exception):
    """The file is no snapshot that can be read; the message names it and says why."""


class _Head(BaseModel):
    """What a snapshot of any format has."""

    model_config = ConfigDict(strict=True)

    format: int
    xpulab: str


def read(path: Path) -> Snapshot:
    """The snapshot in a file. Raises SnapshotError."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise SnapshotError(f"{path}: cannot be read ({error.strerror})") from error
    return parse(content, str(path))


def parse(content: bytes, where: str) -> Snapshot:
    """The snapshot in a file's content. Raises SnapshotError, which names the file as `where`."""
    if len(content) > MOST_BYTES:
        raise SnapshotError(f"{where}: is larger than {MOST_BYTES // 1024**2} MiB, which no snapshot is")
    try:
        # What acts on a terminal may stand in it as an escape: cleaned is what JSON says, not its text.
        cleaned = json.dumps(_cleaned(json.loads(content))).encode()
    except (ValueError, RecursionError) as error:
        raise SnapshotError(
            f"{where}: is no snapshot of xpulab: it is no JSON, or nested beyond reason"
        ) from error
    try:
        head = _Head.model_validate_json(cleaned)
    except ValidationError as error:
        raise SnapshotError(f"{where}: is no snapshot of xpulab: it has no format and version") from error
    writer = f"written by xpulab {head.xpulab[:40]}, and this is xpulab {this_xpulab()}"
    if head.format != FORMAT:
        raise SnapshotError(
            f"{where}: is of format {head.format}, {writer}, which reads format {FORMAT} alone: "
            "read it with the xpulab that wrote it, or have that host surveyed by this one"
        )
    try:
        return Snapshot.model_validate_json(cleaned)
    except ValidationError as error:
        mistakes = explain_errors(error, where, Snapshot)[:MOST_MISTAKES]
        raise SnapshotError(f"{control_characters.replaced('; '.join(mistakes))} ({writer})") from error


def _cleaned(value: Any, has_lines: bool = False) -> Any:
    """JSON data without characters that would act on a terminal, and without lines where none belong."""
    if isinstance(value, dict):
        return {
            _cleaned(name): _cleaned(each, has_lines or name in HAVE_LINES) for name, each in value.items()
        }
    if isinstance(value, list):
        return [_cleaned(each, has_lines) for each in value]
    if not isinstance(value, str):
        return value
    text = control_characters.replaced(value)
    return text if has_lines else text.replace("\n", "?").replace("\t", "?")
