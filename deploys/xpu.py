"""The main job: make every host of a lab a PyTorch host. `pyinfra inventory.py deploys/xpu.py`."""

from xpulab import converge
from xpulab.converging import run
from xpulab.roles import desired

run.begin()
converge.deploy(desired)
