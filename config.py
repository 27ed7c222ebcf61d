"""pyinfra reads this before it connects: from here on, the run owes a table and an exit status."""

from xpulab.converging import startup

startup.begin()
