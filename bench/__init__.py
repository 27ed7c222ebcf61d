"""What a lab costs with xpulab, and with others: measured on the testbed's hosts, many of them."""

import sys
from pathlib import Path

# The testbed's own modules, as inventories/testbed.py takes them.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "testbed"))


def say(line: str) -> None:
    """Tell the person at the keyboard what is going on."""
    print(f"bench: {line}", file=sys.stderr, flush=True)
