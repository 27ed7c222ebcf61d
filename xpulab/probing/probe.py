"""The one question xpulab asks a host: a pyinfra fact, one remote command."""

from __future__ import annotations

from pyinfra.api.command import QuoteString, StringCommand
from pyinfra.api.facts import FactBase
from typing_extensions import override

from xpulab.probing.observed import Observed
from xpulab.probing.records import ProbeError, parse
from xpulab.probing.script import probe_script
from xpulab.probing.watched import Watched


class Probe(FactBase[Observed | ProbeError]):
    """The state of a host, or the ProbeError that says why it cannot be read.

    An exception out of a fact would end the run for every host, so a garbled answer is data here.
    """

    @override
    def command(self, watched: Watched = Watched()) -> StringCommand:  # noqa: B008 - it is frozen
        """The probe script, told what to look at."""
        return StringCommand("sh", "-c", QuoteString(probe_script(watched)))

    @override
    def process(self, output: list[str]) -> Observed | ProbeError:
        """The records as an Observed."""
        try:
            return parse(output)
        except ProbeError as error:
            return error

    @staticmethod
    @override
    def default() -> ProbeError:
        """What stands for a host whose probe could not run at all."""
        return ProbeError("its probe could not run; the output above says why")
