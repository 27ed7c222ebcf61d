"""A pyinfra inventory of six @fake hosts, each in another state, for runs with a lab's own deploys.

On @fake/drifted and @fake/slow one managed file has other content at first; @fake/stuck has so for ever. On
@fake/breaks every command with `break-it` in it fails.
"""

from __future__ import annotations

import base64
from typing import Any

from tests.unit.fake_lab import GOOD, SETTINGS, Repairing, with_a_changed_file
from tests.unit.probe_answers import answer

_found = b'DPkg::Lock::Timeout "5";\nAcquire::http::Proxy "http://lab:hunter2@proxy:3128";\n'
_read = [f"1\t644\t{len(_found)}\t2\t{base64.b64encode(_found).decode()}", "end"]
_cpu = GOOD["cpu"]
_before = with_a_changed_file(_cpu)


def _drifted(name: str) -> dict[str, Any]:
    return {"xpulab-probe": Repairing(host=name, before=_before, after=_cpu), "read files": _read}


_responses: dict[str, dict[str, Any]] = {
    "good": {"xpulab-probe": _cpu},
    "drifted": _drifted("drifted"),
    "slow": _drifted("slow"),
    "stuck": {"xpulab-probe": _before},
    "odd": {"xpulab-probe": answer(pci=("0000:01:00.0\t0x10de\t0xffff\t0x030200",))},
    "breaks": {"xpulab-probe": _cpu},
}
hosts = [
    (
        f"@fake/{name}",
        {
            **SETTINGS,
            "fake_responses": {"break-it": {"success": name != "breaks"}, **responses},
            "fake_delay": 0.5 if name == "slow" else 0,
            "fake_delay_jitter": 0,
        },
    )
    for name, responses in _responses.items()
]
