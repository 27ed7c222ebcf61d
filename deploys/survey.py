"""What is there, what each host would get, what differs. Changes nothing."""

from xpulab.converging import converge, run
from xpulab.roles import BUILT_IN

run.begin()
converge.survey(BUILT_IN)
