"""What is made of a host by its snapshot alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from xpulab.catalog.models import Catalog
from xpulab.converging.assess import Assessment, differences_from, settings_of, whole
from xpulab.desired.manifest import Manifest
from xpulab.desired.role import Role, sections
from xpulab.desired.state import desired, mistake
from xpulab.desired.thing import Thing
from xpulab.inventory.settings import HostSettings, with_sections
from xpulab.resolving.resolve import resolve
from xpulab.schema.refusal import Refusal
from xpulab.snapshots.snapshot import LeftOut, Snapshot

REFUSAL = "refusal"
"""The kind of what a snapshot cannot tell where the host itself is not refused."""
NOT_SAID = "what it depends on was left out of the snapshot"


@dataclass(frozen=True)
class Judged:
    """What a run would have made of the host, and what of it the snapshot cannot tell.

    `unknown` are the sections of its inventory that no role here knows.
    """

    assessment: Assessment
    manifest: Manifest = field(default_factory=Manifest)
    untold: tuple[LeftOut, ...] = ()
    unknown: tuple[str, ...] = ()


def judge(
    snapshot: Snapshot, catalog: Catalog, roles: Sequence[Role], policy: Mapping[str, Any] | None = None
) -> Judged:
    """What these roles make of the host; `policy` takes the place of what its inventory says of it.

    Nothing counts as a difference that the probe did not look at, or that needs what was left out.
    """
    known = with_sections(HostSettings, sections(roles)).model_fields
    settings = settings_of(snapshot.host, _said(snapshot, known, policy or {}), roles)
    judged = settings if isinstance(settings, Refusal) else _judged(snapshot, settings, catalog, roles)
    unknown = tuple(key for key in snapshot.settings if key not in known)
    if isinstance(judged, Refusal):
        own = any((each.kind, each.name) == (REFUSAL, judged.reason) for each in snapshot.untold)
        untold = (LeftOut(what="why it is refused", why=f"on the host it was {snapshot.state}: {NOT_SAID}"),)
        return Judged(Assessment(refusal=judged), untold=untold if own else (), unknown=unknown)
    return replace(judged, unknown=unknown)


def _judged(
    snapshot: Snapshot, settings: HostSettings, catalog: Catalog, roles: Sequence[Role]
) -> Judged | Refusal:
    try:
        target = resolve(snapshot.observed, settings, catalog)
    except Exception as error:  # a snapshot may hold what no probe would say
        return mistake("the resolver", error)
    if isinstance(target, Refusal):
        return target
    wanted = desired(roles, target, settings, catalog)
    if isinstance(wanted, Refusal):
        return wanted
    seen, unseen = _told_apart(whole(wanted.manifest).things, snapshot)
    found = differences_from(Manifest(seen), snapshot.observed)
    if isinstance(found, Refusal):
        return found
    untold = {(each.kind, each.name) for each in snapshot.untold}
    drift = tuple(each for each in found if (each.kind, each.name) not in untold)
    not_said = tuple(LeftOut(what=f"{each.kind} {each.name}", why=NOT_SAID) for each in snapshot.untold)
    return Judged(
        Assessment(target, drift=drift, waiting=wanted.waiting), wanted.manifest, (*unseen, *not_said)
    )


def _said(snapshot: Snapshot, known: Mapping[str, Any], policy: Mapping[str, Any]) -> dict[str, Any]:
    said = {key: value for key, value in snapshot.settings.items() if key in known}
    before = said.get("policy", {})
    return {**said, "policy": {**before, **policy}} if policy and isinstance(before, dict) else said


def _told_apart(things: Sequence[Thing], snapshot: Snapshot) -> tuple[tuple[Thing, ...], tuple[LeftOut, ...]]:
    """The things that the probe looked at, and words for those that it did not."""
    missing = [(thing, list(thing.unwatched(snapshot.watched))) for thing in things]
    seen = tuple(thing for thing, words in missing if not words)
    unseen = tuple(
        LeftOut(what=f"{thing.kind} {thing.claim}", why=f"the snapshot does not have {words[0]}")
        for thing, words in missing
        if words
    )
    return seen, unseen
