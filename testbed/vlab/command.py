"""Run a command, or stop with what it said."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class TestbedError(Exception):
    """Something the person at the keyboard has to know about; shown without a traceback."""


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> str:
    """Run `argv` and return its standard output."""
    done = attempt(argv, cwd=cwd, env=env, stdin=stdin)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise TestbedError(f"{' '.join(map(str, argv[:4]))} … failed with status {done.returncode}:\n{said}")
    return done.stdout


def attempt(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `argv` and return what came of it, whatever its status."""
    try:
        return subprocess.run(
            [str(part) for part in argv],
            cwd=cwd,
            env={**os.environ, **env} if env else None,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as missing:
        said = f"{missing.filename} is not installed; script/prepare installs what the testbed needs"
        raise TestbedError(said) from missing
