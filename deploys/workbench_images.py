"""Build the workbench images of a lab: `pyinfra inventory.py deploys/workbench_images.py`."""

from xpulab import build_images, run

run.begin()
build_images.deploy()
