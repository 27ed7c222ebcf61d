"""A pyinfra inventory of 500 @fake hosts: most converged, each tenth bad or drifted in its own way."""

from __future__ import annotations

import atexit
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from pyinfra.context import ctx_state

from tests.unit.converged_answer import converged_answer
from tests.unit.probe_answers import BMC, NV_3090, answer
from xpulab.lab import HostSettings

HOSTS = 500
SETTINGS = {"users": ["ops"]}
KINDS = {
    "nvidia": ((NV_3090,), "5.15.0-161-generic"),
    "arc": (("0000:03:00.0\t0x8086\t0x56a0\t0x030000",), "6.8.0-87-generic"),
    "max": (("0000:03:00.0\t0x8086\t0x0bda\t0x038000",), "5.15.0-161-generic"),
    "cpu": ((BMC,), "5.15.0-161-generic"),
}
GOOD = {name: converged_answer(*kind, HostSettings.model_validate(SETTINGS)) for name, kind in KINDS.items()}
_probes: Counter[str] = Counter()


class Repairing(dict[str, Any]):
    """A probe's response that shows a bare host first, and from then on a converged one."""

    def get(self, key: str, default: Any = None) -> Any:
        if key != "stdout":
            return super().get(key, default)
        _probes[self["host"]] += 1
        return answer(pci=(BMC,)) if _probes[self["host"]] == 1 else GOOD["cpu"]


def _responses(number: int) -> dict[str, Any]:
    kind = list(KINDS)[number % len(KINDS)]
    bad = {
        10: ["<html>captive portal</html>"],
        30: answer(pci=("0000:01:00.0\t0x10de\t0xffff\t0x030200",)),
        50: {"success": False, "stderr": "sudo: a password is required"},
        70: Repairing(host=str(number)),
        90: answer(pci=(BMC,)),
    }
    return {"xpulab-probe": bad.get(number % 100, GOOD[kind])}


def _count_commands() -> None:
    counts = {host.name: len(host.connector.executed_commands) for host in ctx_state.get().inventory}
    Path(os.environ["XPULAB_FAKE_COUNTS"]).write_text(json.dumps(counts))


if "XPULAB_FAKE_COUNTS" in os.environ:
    atexit.register(_count_commands)
hosts = [
    (
        f"@fake/{number:03}",
        {**SETTINGS, "fake_responses": _responses(number), "fake_delay": 0, "fake_delay_jitter": 0},
    )
    for number in range(HOSTS)
]
