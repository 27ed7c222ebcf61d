"""The main job: make every host of a lab what its inventory says. `pyinfra inventory.py deploys/xpu.py`."""

from xpulab.converging import converge
from xpulab.roles import BUILT_IN

converge.deploy(BUILT_IN)
