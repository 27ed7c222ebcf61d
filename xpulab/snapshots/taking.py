"""A snapshot of a host that was looked at. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from xpulab.catalog.models import Catalog
from xpulab.converging.assess import settings_of
from xpulab.converging.outcome import Outcome
from xpulab.desired.role import Role
from xpulab.desired.state import watched_by
from xpulab.desired.thing import Difference
from xpulab.inventory.settings import HostSettings
from xpulab.probing.observed import Observed
from xpulab.probing.watched import Watched
from xpulab.pull import last_pull
from xpulab.schema.refusal import Refusal
from xpulab.snapshots.judging import REFUSAL, judge
from xpulab.snapshots.redaction import Redacted, redacted, without_secrets
from xpulab.snapshots.snapshot import FORMAT, Snapshot, Untold, this_xpulab


def take(
    outcome: Outcome,
    observed: Observed,
    settings: HostSettings,
    watched: Watched,
    roles: Sequence[Role],
    built_in: Sequence[Role],
    catalog: Catalog,
) -> Snapshot:
    """The snapshot of a host of which `outcome` was made by these roles.

    It is judged at once as its reader will: what comes out otherwise than on the host is noted as what
    cannot be told, so that no reader takes for a difference what was left out.
    """

    def is_valid(said: Mapping[str, Any]) -> bool:
        return not isinstance(settings_of(outcome.host, said, roles), Refusal)

    shown = redacted(observed, watched, settings, _known_facts(built_in, settings, catalog), is_valid)
    said = {
        "format": FORMAT,
        "xpulab": this_xpulab(),
        "host": outcome.host,
        "state": outcome.state,
        "reason": shown.words(outcome.reason),
        "own_roles": [role.name for role in roles if role not in built_in],
        "left_out": [each.model_dump() for each in shown.left_out],
        "settings": shown.settings,
        "watched": shown.watched,
        "observed": shown.observed,
    }
    snapshot = Snapshot.model_validate_json(json.dumps(said))
    return snapshot.model_copy(update={"untold": _untold(outcome, snapshot, shown, roles, catalog)})


def _known_facts(built_in: Sequence[Role], settings: HostSettings, catalog: Catalog) -> set[str]:
    """The facts of built-in roles; the last pull's words may be anybody's, and nothing differs by them."""
    watched = watched_by(built_in, settings, catalog)
    return set() if isinstance(watched, Refusal) else set(watched.facts) - {last_pull.NAME}


def _untold(
    outcome: Outcome, snapshot: Snapshot, shown: Redacted, roles: Sequence[Role], catalog: Catalog
) -> tuple[Untold, ...]:
    """The differences that the snapshot and the host itself do not have alike."""
    found = judge(snapshot, catalog, roles).assessment
    if found.refusal and outcome.state not in ("refused", "failed"):
        return (Untold(kind=REFUSAL, name=found.refusal.reason),)
    live = {(each.kind, shown.words(each.name)): _words(each, shown.words) for each in outcome.drift}
    told = {(each.kind, without_secrets(each.name)): _words(each, without_secrets) for each in found.drift}
    names = {(each.kind, without_secrets(each.name)): each.name for each in found.drift}
    unlike = [key for key in {**live, **told} if live.get(key) != told.get(key)]
    return tuple(Untold(kind=key[0], name=names.get(key, key[1])) for key in unlike)


def _words(difference: Difference, shown: Callable[[str], str]) -> tuple[str, str]:
    return shown(difference.found), shown(difference.wanted)
