"""The lab named by XPULAB_LAB, else lab.yml here or in inventories/, else the running testbed."""

import runpy
from pathlib import Path

from xpulab import roles
from xpulab.converging import lab_inventory, run

_here = Path(__file__).resolve().parent
_testbed = _here / "inventories" / "testbed.py"

if lab_inventory.file(_here):
    hosts = lab_inventory.hosts(_here, roles.BUILT_IN)
elif (_here / ".testbed" / "facts.json").exists():
    hosts = runpy.run_path(str(_testbed))["hosts"]
else:
    run.stop(
        "no lab to work on: copy inventories/example.yml to inventories/lab.yml and describe your "
        "hosts, set XPULAB_LAB to your lab's file, or run script/demo for a virtual lab"
    )
