"""The answer for a host whose snapshot is at hand: what it would get, and what differs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from xpulab.catalog.models import Catalog
from xpulab.converging.outcome import Outcome, outcome_of
from xpulab.converging.report import print_plan
from xpulab.desired import own_roles
from xpulab.desired.masking import masked
from xpulab.desired.role import Role
from xpulab.explaining import explanation_page
from xpulab.explaining.explanation import Explanation, as_json
from xpulab.inventory import labfile
from xpulab.inventory.settings import Policy
from xpulab.resolving.target import Target
from xpulab.schema.refusal import Refusal
from xpulab.snapshots import reading
from xpulab.snapshots.judging import Judged, judge
from xpulab.snapshots.snapshot import Snapshot


class UnreadableError(Exception):
    """The snapshot, or the lab named beside it, cannot be read; the message says why."""


@dataclass(frozen=True)
class Answer:
    """A snapshot, and what is made of it by the built-in roles, or by those of a lab with them."""

    snapshot: Snapshot
    judged: Judged
    has_lab: bool

    def as_json(self) -> dict[str, Any]:
        """What `explain` says of any host, with what differs and what cannot be told."""
        outcome = self._outcome
        return {
            **as_json(self._explanation),
            "host": self.snapshot.host,
            "state": outcome.state,
            "reason": outcome.reason or None,
            "differences": [
                {
                    "kind": each.kind,
                    **{key: masked(getattr(each, key)) for key in ("name", "found", "wanted")},
                    "takes_away": each.takes_away,
                }
                for each in outcome.drift
            ],
            "untold": [each.model_dump() for each in self.judged.untold],
            "snapshot": {
                **self.snapshot.model_dump(mode="json", include={"xpulab", "state", "reason", "left_out"}),
                "own_roles": list(self.snapshot.own_roles),
                "unknown_sections": list(self.judged.unknown),
            },
        }

    def show(self, console: Console) -> None:
        """Print the page of any host, then what differs as a run shows it, and what cannot be told."""
        subject = f"snapshot of {self.snapshot.host}"
        explanation_page.show(self._explanation, subject, self.snapshot.observed, console)
        console.print()
        outcome = self._outcome
        if outcome.target:
            print_plan(console, outcome)
        for line in self._lines(outcome):
            console.print(Text(line), soft_wrap=True)

    @property
    def _outcome(self) -> Outcome:
        return outcome_of(self.snapshot.host, self.judged.assessment)

    @property
    def _explanation(self) -> Explanation:
        found = self.judged.assessment
        answer: Target | Refusal | None = found.target or found.refusal
        assert answer is not None
        return Explanation(answer, self.judged.manifest)

    def _lines(self, outcome: Outcome) -> Iterator[str]:
        snapshot = self.snapshot
        if outcome.target and not outcome.drift:
            yield "    nothing differs" + (" that can be told" if self.judged.untold else "")
        yield from (f"    cannot be told: {each.what}: {each.why}" for each in self.judged.untold)
        if outcome.state == "waiting":
            yield f"    waiting: {outcome.reason} → {outcome.remedy}"
        if outcome.target:
            yield ""
        reason = f": {snapshot.reason}" if snapshot.reason else ""
        yield f"taken by xpulab {snapshot.xpulab}, for which the host was {snapshot.state}{reason}"
        yield from (f"left out: {each.what}: {each.why}" for each in snapshot.left_out)
        if snapshot.own_roles and not self.has_lab:
            own = ", ".join(snapshot.own_roles)
            yield f"explained by the built-in roles alone; those of its lab ({own}) count with --lab FILE"
        if self.judged.unknown:
            yield f"no role here knows what its inventory says of {', '.join(self.judged.unknown)}"


def answer(
    file: Path, lab: Path | None, policy: Policy, catalog: Catalog, built_in: tuple[Role, ...]
) -> Answer:
    """What is made of the snapshot in a file, with the roles of a lab where one is named.

    What `policy` sets takes the place of what the inventory said. Raises UnreadableError.
    """
    try:
        snapshot = reading.read(file)
        roles = own_roles.load(labfile.read(lab).roles, built_in) if lab else built_in
    except (reading.SnapshotError, labfile.LabError, own_roles.RoleError) as error:
        raise UnreadableError(str(error)) from error
    said = policy.model_dump(exclude_unset=True)
    return Answer(snapshot, judge(snapshot, catalog, roles, said), has_lab=lab is not None)
