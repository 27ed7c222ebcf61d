"""A command as it weighs on the machine that it runs on: wall time, processor time, memory."""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 0.5
SAMPLING_SHARE = 0.02  # of the time: the looking itself takes from the processor that is measured
LEFTOVERS_PATIENCE_S = 20


@dataclass(frozen=True)
class Measured:
    """What a command and all its descendants took; `peak_mib` is the highest sum of their PSS seen."""

    status: int
    wall_s: float
    cpu_s: float
    peak_mib: float


@dataclass
class Tree:
    """The living descendants of this process; each process of the machine is asked for its parent once."""

    members: set[int] = field(default_factory=set)
    outsiders: set[int] = field(default_factory=set)

    def look(self) -> set[int]:
        """Descendants that are alive now."""
        alive = {int(name) for name in os.listdir("/proc") if name.isdigit()}  # noqa: PTH208 - far quicker
        self.members &= alive
        self.outsiders &= alive
        # Parents before their children, as pids mostly rise.
        for pid in sorted(alive - self.members - self.outsiders):
            parent = _parent(pid)
            kin = parent == os.getpid() or parent in self.members
            (self.members if kin else self.outsiders).add(pid)
        return self.members


def measure(argv: Sequence[str], cwd: Path, env: Mapping[str, str], log: Path) -> Measured:
    """Run a command to its end, its output in `log`, and end what it leaves in the background.

    Descendants that lose their parent become children of this process, so the kernel's own account of
    children that were waited for (getrusage) holds all of them. There must be no other children meanwhile.
    """
    _adopt_orphans()
    log.parent.mkdir(parents=True, exist_ok=True)
    before = _cpu_of_children()
    tree = Tree()
    tree.look()
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            peak = _watch(process.pid, tree)
            wall = time.perf_counter() - started
            status = process.wait()
        finally:
            _end_leftovers()
    return Measured(status, wall, _cpu_of_children() - before, peak)


def _watch(pid: int, tree: Tree) -> float:
    """Wait for a process to end; the highest memory seen until then, in MiB."""
    peak, pause = 0.0, SHORTEST_PAUSE_S
    ended = select.poll()
    handle = os.pidfd_open(pid)
    try:
        ended.register(handle, select.POLLIN)
        while not ended.poll(pause * 1000):
            begun = time.process_time()
            peak = max(peak, sum(map(_pss_kib, tree.look())) / 1024)
            spent = (time.process_time() - begun) / SAMPLING_SHARE
            pause = min(max(SHORTEST_PAUSE_S, spent), LONGEST_PAUSE_S)
    finally:
        os.close(handle)
    return peak


def _end_leftovers() -> None:
    """End and reap what is left below this process, such as ssh's masters of shared connections."""
    deadline = time.monotonic() + LEFTOVERS_PATIENCE_S
    sent = signal.SIGTERM
    while True:
        for pid in Tree().look():
            try:
                os.kill(pid, sent)
            except ProcessLookupError:
                continue
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        if time.monotonic() > deadline:
            sent = signal.SIGKILL
        time.sleep(0.05)


def _adopt_orphans() -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "this kernel cannot make a process the reaper of its descendants")


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _parent(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    # The second field, the command's name, may hold anything, parentheses too.
    return int(stat.rpartition(")")[2].split()[1])


def _pss_kib(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)
