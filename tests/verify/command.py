"""`xpulab verify`: these checks where there is no checkout, with those of the lab's own beside them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Optional

import typer

SUITE = Path(__file__).parent
OWN = Path("tests/verify")
"""Below the working directory: checks of the lab's own."""
INVENTORY = "inventory.py"


def add_to(app: typer.Typer) -> None:
    """Add the command to the command line."""

    # pytest's own options go on to it, as does a --help after them.
    @app.command("verify", context_settings={"ignore_unknown_options": True})
    def command(
        arguments: Annotated[
            Optional[list[str]],  # noqa: UP045 - typer reads annotations at run time, on Python 3.10 too
            typer.Argument(
                help="pytest's, such as -n auto, --limit gpu-01, -m workbench", show_default=False
            ),
        ] = None,
        lab: Annotated[str, typer.Option(metavar="INVENTORY", help="any pyinfra inventory")] = INVENTORY,
    ) -> None:
        """Check from outside that the hosts of a lab work, by pytest; tests/verify here is run too."""
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, *pytest_command(lab, arguments or ())])


def pytest_command(lab: str, arguments: Sequence[str]) -> list[str]:
    """What Python is to run."""
    own = [str(OWN)] if OWN.is_dir() and OWN.resolve() != SUITE.resolve() else []
    return ["-m", "pytest", "--rootdir=.", str(SUITE), *own, f"--lab={lab}", *arguments]
