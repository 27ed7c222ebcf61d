"""The lab named by XPULAB_LAB, else inventories/lab.yml, else the running testbed."""

import os
import runpy
from pathlib import Path

from xpulab.converging import run

_root = Path(__file__).resolve().parent
_named = os.environ.get("XPULAB_LAB")
_lab_file = Path(_named or _root / "inventories" / "lab.yml")

if _named or _lab_file.exists():
    from xpulab.desired.lab import load_lab
    from xpulab.inventory.labfile import LabError
    from xpulab.roles import BUILT_IN

    try:
        _lab = load_lab(_lab_file, BUILT_IN)
    except LabError as error:
        run.stop(str(error))
    run.refuse_in_inventory(_lab.refused)
    hosts = _lab.hosts
elif (_root / ".testbed" / "facts.json").exists():
    hosts = runpy.run_path(str(_root / "inventories" / "testbed.py"))["hosts"]
else:
    run.stop(
        "no lab to work on: copy inventories/example.yml to inventories/lab.yml and describe your "
        "hosts, set XPULAB_LAB to your lab's file, or run script/demo for a virtual lab"
    )
