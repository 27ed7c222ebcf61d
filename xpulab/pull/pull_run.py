"""A pull run, which a host's timer starts there: the other half of templates/usr/local/lib/xpulab/pull.j2."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xpulab.converging.outcome import Outcome

CONFIGURATION = Path("/etc/xpulab/pull.conf")
OUTCOME = "XPULAB_PULL_OUTCOME"


def is_pull() -> bool:
    """Whether this run is a pull: it holds the host's lock already, and owes its outcome as a file."""
    return OUTCOME in os.environ


def record(outcomes: Collection[Outcome], stopped: str = "") -> None:
    """Write the outcome of the one host of a pull where the script that started it looks for it.

    `stopped` is why the run never came to a host.
    """
    if not is_pull():
        return
    host = next(iter(outcomes), None)
    state, changes = (host.state, host.changes) if host else ("failed", 0)
    words = (
        "; ".join(filter(None, (host.reason, host.remedy))) if host else stopped or "no host in the inventory"
    )
    said = f"state={state}\nchanges={changes}\nwords={' '.join(words.split())}\n"
    Path(os.environ[OUTCOME]).write_text(said, encoding="utf-8")


def name_of_this_host() -> str:
    """The name that the lab file has for this host. Raises OSError or LookupError without a configuration."""
    lines = CONFIGURATION.read_text(encoding="utf-8").splitlines()
    return dict(line.partition("=")[::2] for line in lines)["host"]
