"""The main job, and the timer with which the host from now on does it to itself: see docs/pull.md."""

from xpulab import converge
from xpulab.converging import run
from xpulab.roles.pull import desired_of, missing

run.begin()
converge.deploy(desired_of(converge.name_in_lab()), refuses=missing)
