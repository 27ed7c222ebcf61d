"""How one host stands at the end of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from xpulab.converging.assess import Assessment
    from xpulab.desired.thing import Difference
    from xpulab.resolving.target import Target

State = Literal["converged", "waiting", "drifted", "rebooting", "refused", "failed"]


@dataclass(frozen=True)
class Outcome:
    """How one host stands at the end; `changes` is how many differences were put right, `mended` which.

    `drift` is what still differs, `diffs` what of it a run with --diff shows of files.

    `last_pull` is what a survey says of a host that converges itself. A host is `rebooting` at the end of a
    run on the host itself, which cannot wait for it, and `waiting` where all is done but for a role that
    waits for something which another command brings.

    `snapshot` is the file that a survey was asked to write of the host, `no_snapshot` why there is none.
    """

    host: str
    state: State
    target: Target | None = None
    changes: int = 0
    reason: str = ""
    remedy: str = ""
    drift: tuple[Difference, ...] = ()
    mended: tuple[Difference, ...] = ()
    diffs: tuple[str, ...] = ()
    last_pull: str = ""
    snapshot: str = ""
    no_snapshot: str = ""


def outcome_of(host: str, assessment: Assessment) -> Outcome:
    """The outcome of a host that nothing was done to."""
    if assessment.refusal:
        return Outcome(host, "refused", reason=assessment.refusal.reason, remedy=assessment.refusal.remedy)
    reason = "; ".join(each.reason for each in assessment.waiting)
    remedy = "; ".join(dict.fromkeys(each.remedy for each in assessment.waiting))
    state: State = "drifted" if assessment.drift else "waiting" if reason else "converged"
    return Outcome(host, state, assessment.target, reason=reason, remedy=remedy, drift=assessment.drift)
