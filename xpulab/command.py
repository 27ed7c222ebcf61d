"""Entry point of the command `xpulab`: hands the roles to what answers without a host."""

from __future__ import annotations

from xpulab.explaining import command
from xpulab.roles import BUILT_IN


def main() -> None:
    """Run the command line."""
    command.build(BUILT_IN)()
