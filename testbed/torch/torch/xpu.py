"""Intel devices: a render node in /dev/dri that the process may open, by the node's mode and owner."""

import os
from pathlib import Path

from torch.build import XPU

_NODES = Path("/dev/dri")


def device_count():
    """Return how many XPU devices the process can use."""
    if XPU is None:
        return 0
    return sum(1 for node in _NODES.glob("renderD*") if os.access(node, os.R_OK | os.W_OK))


def is_available():
    """Return whether there is an XPU device."""
    return device_count() > 0
