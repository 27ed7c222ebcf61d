"""Process 1 of the container: reaps everything, passes SIGTERM on, and ends when either server does."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from subprocess import Popen
from typing import Any

GRACE_S = 9.0
WATCHED = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT}


def block_signals() -> None:
    """Keep signals for `watch`; none that comes before it is lost."""
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)


def unblock_signals() -> None:
    """For a child, which would inherit the mask."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)


def watch(servers: Mapping[str, Popen[Any]]) -> int:
    """Wait until one of the servers ends, or until we are told to; the status for the container.

    0 after a stop that was asked for, 1 when a server ended by itself.
    """
    while True:
        received = signal.sigwait(WATCHED)
        if received != signal.SIGCHLD:
            print("workbench: stopping", flush=True)
            _stop(servers)
            return 0
        ended = _reaped()
        for name, server in servers.items():
            if server.pid in ended:
                print(
                    f"workbench: {name} ended with {ended[server.pid]}: stopping", file=sys.stderr, flush=True
                )
                _stop({other: each for other, each in servers.items() if each.pid not in ended})
                return 1


def _stop(servers: Mapping[str, Popen[Any]]) -> None:
    """End the servers with SIGTERM, and what is left of them after a grace period with SIGKILL."""
    alive = {server.pid for server in servers.values()}
    for pid in alive:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_S
    while alive and time.monotonic() < deadline:
        alive -= set(_reaped())
        if alive:
            signal.sigtimedwait({signal.SIGCHLD}, 0.2)
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


def _reaped() -> dict[int, int]:
    """The children that ended, servers and orphans alike, with their exit codes."""
    ended: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended[pid] = os.waitstatus_to_exitcode(status)
