"""One run at a time changes a host: the lock between pushes from a control node and the host's own pulls."""

from __future__ import annotations

from shlex import quote

from xpulab.shell.scripts import script, snippet

HELD = "another run is converging this host"
WAIT_S = 600
"""As long as for any other process that holds apt: a run that was killed may have left one at work."""


def under_lock(steps: str) -> str:
    """The same script, run while it holds the host's lock; it fails with HELD after WAIT_S in vain.

    What the script leaves running has no part in the lock: a daemon would hold it for ever.
    """
    return script([f"seconds={WAIT_S} held={quote(HELD)}", snippet("take_lock"), "(", steps, ") 9>&-"])
