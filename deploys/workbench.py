"""The main job and the workbench on top: `pyinfra inventory.py deploys/workbench.py`."""

from roles import desired_with_workbench
from xpulab import converge, run

run.begin()
converge.deploy(desired_with_workbench)
