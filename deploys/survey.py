"""What is there, what each host would get, what differs. Changes nothing."""

from roles import desired
from xpulab import converge, run

run.begin()
converge.survey(desired)
