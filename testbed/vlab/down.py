"""Remove all that the testbed made on this machine, whichever clone made it."""

from __future__ import annotations

import shutil
import sys

from vlab.command import TestbedError, run
from vlab.places import LABEL, ROOT, STATE
from vlab.steps import say

MADE = [
    ("containers", ["docker", "ps", "--all", "--quiet"], ["docker", "rm", "--force", "--volumes"]),
    ("volumes", ["docker", "volume", "ls", "--quiet"], ["docker", "volume", "rm", "--force"]),
    ("networks", ["docker", "network", "ls", "--quiet"], ["docker", "network", "rm"]),
    (
        "images",
        ["docker", "image", "ls", "--format={{.Repository}}:{{.Tag}}"],
        ["docker", "image", "rm", "--force"],
    ),
]


def main() -> int:
    """Remove containers, volumes, networks and images by their label, and what was built."""
    try:
        for kind, listing, remove in MADE:
            listed = run([*listing, "--filter", f"label={LABEL}=1"]).split()
            found = sorted(name for name in set(listed) if "<none>" not in name)
            if found:
                say(f"removing {len(found)} {kind}")
                run([*remove, *found])
        # What an interrupted build left has no name.
        run(["docker", "image", "prune", "--force", f"--filter=label={LABEL}=1"])
    except TestbedError as error:
        say(str(error))
        return 1
    for left in (STATE, ROOT / ".vagrant"):
        shutil.rmtree(left, ignore_errors=True)
    (ROOT / "@vagrant.json").unlink(missing_ok=True)
    say("everything that the testbed made is gone")
    return 0


if __name__ == "__main__":
    sys.exit(main())
