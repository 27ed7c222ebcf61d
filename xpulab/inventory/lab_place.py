"""Where the file of a lab lies."""

from __future__ import annotations

import os
from pathlib import Path

PLACES = ("lab.yml", "inventories/lab.yml")
"""In a lab's folder; the first one that is there is the lab."""
NAMED = "XPULAB_LAB"


def file(folder: Path) -> Path | None:
    """The lab file that the environment names, else the one in the folder; None where neither is."""
    named = os.environ.get(NAMED)
    return Path(named) if named else inside(folder)


def inside(folder: Path) -> Path | None:
    """The lab file in the folder; None where none is."""
    return next((folder / place for place in PLACES if (folder / place).exists()), None)
