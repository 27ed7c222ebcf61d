"""The main job and the workbench on top: `pyinfra inventory.py deploys/workbench.py`."""

from xpulab import converge
from xpulab.converging import run
from xpulab.roles import desired_with_workbench

run.begin()
converge.deploy(desired_with_workbench)
