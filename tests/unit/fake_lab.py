"""A pyinfra inventory of @fake hosts: most converged, each tenth bad or drifted in its own way.

XPULAB_FAKE_LAB=converged or =drifted makes all of them so, XPULAB_FAKE_HOSTS says how many there are.
"""

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
from xpulab.inventory.settings import HostSettings

HOSTS = int(os.environ.get("XPULAB_FAKE_HOSTS", "500"))
LAB = os.environ.get("XPULAB_FAKE_LAB", "mixed")
SETTINGS = {"users": ["ops"]}
KINDS = {
    "nvidia": ((NV_3090,), "5.15.0-161-generic"),
    "arc": (("0000:03:00.0\t0x8086\t0x56a0\t0x030000",), "6.8.0-87-generic"),
    "max": (("0000:03:00.0\t0x8086\t0x0bda\t0x038000",), "5.15.0-161-generic"),
    "cpu": ((BMC,), "5.15.0-161-generic"),
}
GOOD = {name: converged_answer(*kind, HostSettings.model_validate(SETTINGS)) for name, kind in KINDS.items()}
_probes: Counter[str] = Counter()


LOCK_TIMEOUT = "/etc/apt/apt.conf.d/99xpulab-lock-timeout"


class Repairing(dict[str, Any]):
    """A probe's response that shows a host before its repair first, and from then on a converged one."""

    def get(self, key: str, default: Any = None) -> Any:
        if key != "stdout":
            return super().get(key, default)
        _probes[self["host"]] += 1
        return self["before"] if _probes[self["host"]] == 1 else self["after"]


def with_a_changed_file(lines: list[str]) -> list[str]:
    """The answer of a host on which one managed file has other content."""
    return [
        "\t".join([*line.split("\t")[:2], "f" * 64, *line.split("\t")[3:]]) if LOCK_TIMEOUT in line else line
        for line in lines
    ]


def _responses(number: int) -> dict[str, Any]:
    good = GOOD[list(KINDS)[number % len(KINDS)]]
    if LAB == "converged":
        return {"xpulab-probe": good}
    if LAB == "drifted":
        drifted = Repairing(host=str(number), before=with_a_changed_file(good), after=good)
        return {"xpulab-probe": drifted}
    bad = {
        10: ["<html>captive portal</html>"],
        30: answer(pci=("0000:01:00.0\t0x10de\t0xffff\t0x030200",)),
        50: {"success": False, "stderr": "sudo: a password is required"},
        70: Repairing(host=str(number), before=answer(pci=(BMC,)), after=GOOD["cpu"]),
        90: answer(pci=(BMC,)),
    }
    return {"xpulab-probe": bad.get(number % 100, good)}


def _count_commands() -> None:
    counts = {
        host.name: [len(command) for command in map(str, host.connector.executed_commands)]
        for host in ctx_state.get().inventory
    }
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
