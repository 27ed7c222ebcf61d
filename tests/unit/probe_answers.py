"""Answers that a probe could give, for tests that need a host but have none."""

from __future__ import annotations

import base64

NV_3090 = "0000:01:00.0\t0x10de\t0x2204\t0x030000"
UHD_770 = "0000:00:02.0\t0x8086\t0x4680\t0x030000"
BMC = "0000:03:00.0\t0x1a03\t0x2000\t0x030000"


def answer(
    *records: str,
    pci: tuple[str, ...] = (BMC,),
    packages: dict[str, str] | None = None,
    daemon_json: str | None = None,
    kernel: str = "5.15.0-161-generic",
    free_gb: float = 200,
) -> list[str]:
    """The lines of a probe on an Ubuntu 22.04 host with just that."""
    installed = "".join(f"{name}={version}=ii ;" for name, version in (packages or {}).items())
    lines = [
        "xpulab-probe\t3",
        "os\tubuntu\t22.04",
        f"machine\tx86_64\t{kernel}\tboot-1",
        *(f"pci\t{function}" for function in pci),
        f"packages\t{installed}",
        "user\tops\tops",
        "group\tvideo\t44\t",
        "group\trender\t110\t",
        f"engine-free\t{int(free_gb * 10**9 / 1024)}\t/var/lib/docker",
        *records,
    ]
    if daemon_json is not None:
        lines.append(f"content\t/etc/docker/daemon.json\t{base64.b64encode(daemon_json.encode()).decode()}")
    return [*lines, "end"]
