"""The hosts of this lab: lab.yml says who they are, or the file that XPULAB_LAB names."""

from pathlib import Path

from xpulab import roles
from xpulab.converging import lab_inventory

hosts = lab_inventory.hosts(Path(__file__).resolve().parent, roles.BUILT_IN)
