"""xpulab/releasing/requirements.txt from uv.lock, which an installed xpulab does not have."""

from __future__ import annotations

import subprocess
from pathlib import Path

from xpulab.releasing.release import REQUIREMENTS

ROOT = Path(__file__).resolve().parent.parent
HEAD = "# Made by `python -m pages` from uv.lock: what a pull on a host imports.\n"
UNUSED_BY_A_PULL = ("httpx", "pytest", "pytest-testinfra", "pytest-xdist", "typer", "types-paramiko")

__all__ = ["REQUIREMENTS", "requirements"]


def requirements() -> str:
    """The whole file: every version with its hashes."""
    pruned = [f"--prune={each}" for each in UNUSED_BY_A_PULL]
    shape = ["--frozen", "--no-dev", "--no-emit-project", "--no-annotate", "--no-header", "--quiet"]
    command = ["uv", "export", "--project", str(ROOT), *shape, *pruned]
    return HEAD + subprocess.run(command, capture_output=True, text=True, check=True).stdout
