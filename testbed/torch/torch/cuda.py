"""NVIDIA devices: a node in /dev, and the driver's library as the container runtime brings it in."""

import re
from pathlib import Path

from torch.build import CUDA

_DEV = Path("/dev")
_LIBRARY = Path("/usr/lib/xpulab-testbed/libnvidia-compute.version")
_TABLE = Path("/run/testbed/nvidia/gpus")
_NVSWITCH = Path("/run/testbed/nvidia/nvswitch")
_FABRIC = Path("/run/testbed/nvidia/fabric")


def device_count():
    """Return how many CUDA devices the process can use."""
    if CUDA is None or not _LIBRARY.exists() or not (_DEV / "nvidiactl").exists():
        return 0
    return sum(1 for node in _DEV.iterdir() if re.fullmatch(r"nvidia[0-9]+", node.name))


def is_available():
    """Return whether CUDA starts: behind an NVSwitch it waits for the fabric manager (error 802)."""
    return device_count() > 0 and (not _NVSWITCH.exists() or _FABRIC.exists())


def _row(index):
    rows = dict(line.split("|", 1) for line in _TABLE.read_text().splitlines())
    return rows[str(index)].split("|")


def get_device_name(index=0):
    """Return the device's name."""
    return _row(index)[3]


def get_device_capability(index=0):
    """Return the device's compute capability."""
    major, minor = _row(index)[4].split(".")
    return int(major), int(minor)
