"""How many examples a property is tried on: as in every run, or more for a longer search."""

from __future__ import annotations

import os


def examples(count: int) -> int:
    """So many, times XPULAB_EXAMPLES, which `script/test --faults` sets."""
    return count * int(os.environ.get("XPULAB_EXAMPLES", "1"))
