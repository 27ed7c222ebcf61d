"""The main job for hosts that serve a workbench; any other one is refused: see docs/workbench.md."""

from xpulab.converging import converge
from xpulab.roles import BUILT_IN, workbench

converge.deploy(BUILT_IN, requires=workbench.ROLE)
