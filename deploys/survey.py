"""What is there, what each host would get, what differs. Changes nothing."""

from xpulab import converge
from xpulab.converging import run
from xpulab.roles import desired

run.begin()
converge.survey(desired)
