"""Build the workbench images of a lab: `pyinfra inventory.py deploys/workbench_images.py`."""

from xpulab.building import build_images
from xpulab.converging import run

run.begin()
build_images.deploy()
