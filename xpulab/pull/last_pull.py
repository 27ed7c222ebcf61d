"""What a host that converges itself wrote down of its last pull, and what a survey says of it."""

from __future__ import annotations

from dataclasses import dataclass

from xpulab.probing.observed import Observed
from xpulab.pull.settings import Pull

UNITS = ((86400, "d"), (3600, "h"), (60, "min"))
RESULT = "/var/lib/xpulab/pull-result"
NAME = "last-pull"
FACT = {NAME: f"[ ! -s {RESULT} ] || {{ date +%s; cat {RESULT}; }}"}
"""What a probe asks for it: the host's clock on the first line, then the result."""


@dataclass(frozen=True)
class PullResult:
    """What the host's last pull of a release came to; `words` say why, where it is not converged.

    `release` is the serial of the release, empty where none was accepted; `state` is that of an outcome, or
    `skipped` next to a run from outside.
    """

    age_s: int
    release: str
    state: str
    changes: int
    words: str


def result(observed: Observed) -> PullResult | None:
    """The result that the probe found; one that cannot be read keeps no host from being converged."""
    now, _, text = observed.facts.get(NAME, "").partition("\n")
    if not text:
        return None
    said = dict(line.partition("=")[::2] for line in text.splitlines())
    try:
        age = int(now) - int(said["when"])
        return PullResult(age, said["release"], said["state"], int(said["changes"]), said["words"])
    except (ValueError, KeyError):
        return PullResult(0, "", "unreadable", 0, text[:120])


def words(last: PullResult | None, pull: Pull | None) -> str:
    """When the host last pulled, and what came of it; empty for one that neither does nor ever did."""
    if last is None:
        return "has not pulled yet; deploys/pull.py installs its timer" if pull else ""
    release = f", release {last.release}" if last.release else ""
    said = f"last pull {_age(last.age_s)} ago{release}: {_outcome(last)}"
    if pull and last.age_s > pull.stale_after_s:
        said += f" (it should pull every {pull.every}: look at systemctl status xpulab-pull.timer there)"
    return said


def _outcome(last: PullResult) -> str:
    changes = {0: "nothing to change", 1: "1 change"}.get(last.changes, f"{last.changes} changes")
    if last.state == "converged":
        return f"converged, {changes}"
    return f"{last.state}: {last.words}"


def _age(seconds: int) -> str:
    return next((f"{seconds // size} {unit}" for size, unit in UNITS if seconds >= size), f"{seconds} s")
