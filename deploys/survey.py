"""What is there, what each host would get, what differs. Changes nothing."""

from xpulab.converging import converge
from xpulab.roles import BUILT_IN

converge.survey(BUILT_IN)
