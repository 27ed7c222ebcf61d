"""The main job: make every host of a lab a PyTorch host. `pyinfra inventory.py deploys/xpu.py`."""

from roles import desired
from xpulab import converge, run

run.begin()
converge.deploy(desired)
