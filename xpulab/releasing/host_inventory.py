"""The host itself as a pyinfra inventory, with what its lab file says of it.

A release has this beside the lab's file, as inventories/pull.py, and the pull on a host uses it there.
pyinfra takes every list or tuple here for a group of hosts, unless its name begins with `_`.
"""

from __future__ import annotations

from pathlib import Path

from xpulab import roles
from xpulab.converging import run
from xpulab.desired.lab import load_lab
from xpulab.inventory.labfile import LabError
from xpulab.pull import pull_run
from xpulab.schema.refusal import Refusal

_lab_file = Path(__file__).resolve().parent / "lab.yml"
hosts = []

try:
    _name = pull_run.name_of_this_host()
except (OSError, LookupError) as error:
    run.stop(f"{pull_run.CONFIGURATION} does not say which host this is ({error}): run deploys/pull.py")
try:
    _lab = load_lab(_lab_file, roles.BUILT_IN, _lab_file.parent / "roles")
    _refused = _lab.refused
    hosts = [
        ("@local", {"name_in_lab": _name, **{key: said[key] for key in said if not key.startswith("ssh_")}})
        for name, said in _lab.hosts
        if name == _name
    ]
except LabError as error:
    _refused = {_name: Refusal(str(error), "correct it and make a new release")}
if not hosts:
    _gone = Refusal(f"the release's lab file has no host {_name}", "put it back, or switch its pull off")
    run.refuse_in_inventory({_name: _refused.get(_name, _gone)})
