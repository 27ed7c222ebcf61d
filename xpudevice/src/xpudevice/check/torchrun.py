"""Start a rank for each device of this host under torchrun, and take in what they found."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from xpudevice.check.collectives import NETWORK
from xpudevice.check.outcome import Outcome

RANKS = "xpudevice.check.ranks"
SECONDS = 420.0
CPU_RANKS = 2


def ranks_of_this_host(device_type: str, count: int) -> int:
    """One rank for each device, and two where the CPU is the device, so that there is something to reduce."""
    return CPU_RANKS if device_type == "cpu" else count


def spawned_outcomes(device_type: str, ranks: int) -> list[Outcome]:
    """The outcomes of all ranks, started on this host and over its loopback interface."""
    with TemporaryDirectory(prefix="xpu-check-") as folder:
        file = Path(folder) / "outcomes.json"
        status, errors = _run(_command(ranks, file), _environment(device_type))
        found = json.loads(file.read_text()) if file.exists() else []
    outcomes = [Outcome(**each) for each in found]
    if status == 0 and outcomes:
        return outcomes
    detail = f"torchrun with {ranks} ranks: {_reason(status, errors)}"
    return [*outcomes, Outcome("all-reduce", device_type, "failed", detail, NETWORK)]


def _command(ranks: int, file: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"),
        *("--nproc-per-node", str(ranks), "-m", RANKS, str(file)),
    ]


def _environment(device_type: str) -> dict[str, str]:
    # gloo looks up this host's name otherwise, which in a container may have no address.
    return {
        "GLOO_SOCKET_IFNAME": "lo",
        "OMP_NUM_THREADS": "1",
        **os.environ,
        "XPULAB_DEVICE": device_type,
    }


def _run(command: list[str], environment: dict[str, str]) -> tuple[int | None, str]:
    """The exit status, or None where it took too long, and what it wrote to standard error."""
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            _, errors = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return None, process.communicate()[1]
        return process.returncode, errors


def _reason(status: int | None, errors: str) -> str:
    if status is None:
        return f"no answer within {SECONDS:g} s"
    # The first error is the cause; torchrun's own summary comes after it.
    named = [line.strip() for line in errors.splitlines() if "Error" in line and "Traceback" not in line]
    return named[0] if named else f"exit status {status}"
