"""pyinfra reads this before it connects: from here on, the run owes a table and an exit status."""

from pyinfra import config
from pyinfra.api.state import MAX_PARALLEL

from xpulab.converging import run, startup

if run.begin():
    # A host that installs for an hour must not keep another one waiting for its turn.
    config.PARALLEL = MAX_PARALLEL
    startup.connect_at_most(40)
    startup.give_up_on_silence()
    startup.look_up_connectors_once()
    startup.import_while_connecting("xpulab.roles", "xpulab.converging.converge", "xpulab.converging.report")
