"""Build the workbench images of a lab: `pyinfra inventory.py deploys/workbench_images.py`."""

from xpulab.building import build_images
from xpulab.roles import BUILT_IN

build_images.deploy(BUILT_IN)
