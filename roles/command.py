"""Entry point of the command `xpulab`: hands the roles to it, which nothing in xpulab imports."""

from __future__ import annotations

from roles import desired
from xpulab import cli


def main() -> None:
    """Run the command line."""
    cli.build(desired)()
