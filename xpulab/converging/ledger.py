"""The outcomes of one run, host by host: what was found, what was done, and what is owed at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from xpulab.converging.outcome import Outcome
from xpulab.schema.refusal import Refusal

CONNECTION_REMEDY = (
    "is it up, and is its address right? Try ssh -v with the user, address and port of the inventory"
)


@dataclass(frozen=True)
class Operations:
    """What became of a deploy's plain operations on one host: how many changed it, the first that failed."""

    changed: int = 0
    failed: str = ""


@dataclass
class Ledger:
    """What is known of each host of a run, by its name.

    `to_converge` are the hosts that the run is to make converge, `surveyed` those it only looks at; `shown`
    those whose plan was printed. `stopped` is why the run never came to its hosts.
    """

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    to_converge: set[str] = field(default_factory=set)
    surveyed: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    connection_errors: dict[str, str] = field(default_factory=dict)
    stopped: str = ""

    def refuse(self, refused: Mapping[str, Refusal]) -> None:
        """Note hosts that pyinfra never hears of, as their description is wrong."""
        for name, refusal in refused.items():
            self.record(Outcome(name, "refused", reason=refusal.reason, remedy=refusal.remedy))

    def record(self, outcome: Outcome) -> Outcome:
        """Note how a host stands now, in place of what was known of it."""
        self.outcomes[outcome.host] = outcome
        return outcome

    def change(self, host: str, **changes: Any) -> Outcome:
        """Note a host's outcome with these fields changed."""
        return self.record(replace(self.outcomes[host], **changes))

    def final(self, host: str, reached: bool, executed: bool, operations: Operations) -> Outcome:
        """A host's outcome at the end of the run, whatever kept it from its own end.

        `reached` says that it was connected to, `executed` that the run went beyond its plan.
        """
        outcome = self.outcomes.get(host)
        if not reached:
            why = self.connection_errors.get(host, "the error of its connection is above")
            return Outcome(host, "failed", reason=f"no connection: {why}", remedy=CONNECTION_REMEDY)
        if outcome is None:
            return Outcome(host, "failed", reason="was not looked at: the run ended before")
        outcome = replace(outcome, changes=outcome.changes + operations.changed)
        failure = self._failure(outcome, executed, operations)
        return replace(outcome, state="failed", reason=failure, remedy="") if failure else outcome

    def _failure(self, outcome: Outcome, executed: bool, operations: Operations) -> str:
        if outcome.state in ("refused", "failed"):
            return ""
        if operations.failed:
            return f"operation {operations.failed!r} of the deploy failed; its own words are above"
        cut_off = executed and outcome.state == "drifted" and outcome.host in self.to_converge
        return "the run ended before it was converged" if cut_off else ""
