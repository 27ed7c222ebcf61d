"""The virtual lab as a pyinfra inventory: all that starts by itself, or the hosts in XPULAB_TESTBED_HOSTS.

With XPULAB_TESTBED_WORKBENCH=1 its hosts serve workbenches.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from xpulab.converging import run
from xpulab.inventory import workbench_digests

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "testbed"))

from vlab.command import TestbedError
from vlab.hosts import load_lab
from vlab.inventory import host_data
from vlab.places import STATE

_named = [name for name in os.environ.get("XPULAB_TESTBED_HOSTS", "").split(",") if name]

try:
    _lab = load_lab()
    hosts = [(host.name, host_data(_lab, host)) for host in _lab.select(_named)]
    _digests = STATE / workbench_digests.NAME
    _built = workbench_digests.read(_digests)
    for _, _data in hosts:
        _data[workbench_digests.HOST_DATA] = str(_digests)
        _data["images"] |= {name: each.model_dump(exclude_none=True) for name, each in _built.items()}
except TestbedError as error:
    run.stop(f"inventories/testbed.py: {error}")
