"""What a survey says of a host that converges itself."""

from __future__ import annotations

from xpulab.inventory.settings import Pull
from xpulab.probing.observed import PullResult

UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def words(result: PullResult | None, pull: Pull | None) -> str:
    """When the host last pulled, and what came of it; empty for one that neither does nor ever did."""
    if result is None:
        return "has not pulled yet; deploys/pull.py installs its timer" if pull else ""
    release = f", release {result.release}" if result.release else ""
    said = f"last pull {_age(result.age_s)} ago{release}: {_outcome(result)}"
    if pull and result.age_s > pull.stale_after_s:
        said += f" (it should pull every {pull.every}: look at systemctl status xpulab-pull.timer there)"
    return said


def _outcome(result: PullResult) -> str:
    changes = {0: "nothing to change", 1: "1 change"}.get(result.changes, f"{result.changes} changes")
    if result.state == "converged":
        return f"converged, {changes}"
    return f"{result.state}: {result.words}"


def _age(seconds: int) -> str:
    return next((f"{seconds // size} {unit}" for size, unit in UNITS if seconds >= size), f"{seconds} s")
