"""Snapshots of hosts that need not exist, taken as a survey takes them."""

from __future__ import annotations

from collections.abc import Sequence

from xpulab.converging.assess import assess
from xpulab.converging.outcome import Outcome, outcome_of
from xpulab.desired.role import Role
from xpulab.desired.state import watched_by
from xpulab.inventory.settings import HostSettings
from xpulab.probing.observed import Observed
from xpulab.probing.watched import Watched
from xpulab.resolving.vendors import load_catalog
from xpulab.roles import BUILT_IN
from xpulab.snapshots.snapshot import Snapshot
from xpulab.snapshots.taking import take

CATALOG = load_catalog()
HOST = "gpu-01"


def live(observed: Observed, settings: HostSettings, roles: Sequence[Role] = BUILT_IN) -> Outcome:
    """What a survey makes of the host itself."""
    return outcome_of(HOST, assess(observed, settings, CATALOG, roles, watched(settings, roles)))


def watched(settings: HostSettings, roles: Sequence[Role] = BUILT_IN) -> Watched:
    """What the probe looks at for these roles."""
    found = watched_by(roles, settings, CATALOG)
    assert isinstance(found, Watched)
    return found


def taken(observed: Observed, settings: HostSettings, roles: Sequence[Role] = BUILT_IN) -> Snapshot:
    """The snapshot of a host."""
    outcome = live(observed, settings, roles)
    return take(outcome, observed, settings, watched(settings, roles), roles, BUILT_IN, CATALOG)
