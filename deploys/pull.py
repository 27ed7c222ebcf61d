"""The main job, and the timer with which the host from now on does it to itself: see docs/pull.md."""

from roles.pull import desired_of, missing
from xpulab import converge, run

run.begin()
converge.deploy(desired_of(converge.name_in_lab()), refuses=missing)
