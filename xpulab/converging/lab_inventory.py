"""The hosts of the lab that lies in a folder, for the inventory.py there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from xpulab.converging import run
from xpulab.inventory.lab_place import PLACES, file

if TYPE_CHECKING:  # a testbed's inventory asks for the file alone
    from xpulab.desired.role import Role

__all__ = ["file", "hosts"]


def hosts(folder: Path, built_in: tuple[Role, ...]) -> list[tuple[str, dict[str, Any]]]:
    """The hosts as pyinfra takes them; those that are described wrongly go to the report.

    Ends the run where there is no lab file, or one that makes no sense as a whole.
    """
    from xpulab.desired.lab import load_lab
    from xpulab.inventory.labfile import LabError

    path = file(folder)
    if path is None:
        places = " or ".join(PLACES)
        run.stop(
            f"no lab to work on: describe your hosts in {places} (`xpulab init` writes an example "
            "where there is none), or set XPULAB_LAB to your lab's file"
        )
    try:
        lab = load_lab(path, built_in)
    except LabError as error:
        run.stop(str(error))
    run.refuse_in_inventory(lab.refused)
    return lab.hosts
