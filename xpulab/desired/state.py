"""The desired state of a host: the sum of its roles, or why there is none. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from traceback import extract_tb
from typing import TypeVar

from xpulab.catalog.models import Catalog
from xpulab.desired.manifest import Manifest, manifest
from xpulab.desired.role import Role, Waiting
from xpulab.desired.thing import Conflict, Thing
from xpulab.inventory.settings import HostSettings
from xpulab.probing.watched import Watched
from xpulab.resolving.target import Target
from xpulab.schema.refusal import Refusal

Answer = TypeVar("Answer")
CORRECT = "correct the role"


@dataclass(frozen=True)
class Desired:
    """What a host must have, and what some of its roles wait for."""

    manifest: Manifest
    waiting: tuple[Waiting, ...] = ()


def watched_by(roles: Sequence[Role], settings: HostSettings, catalog: Catalog) -> Watched | Refusal:
    """What the probe of a host has to look at: the sum of what its roles watch."""
    together = Watched()
    for role in roles:
        found = _asked(role, lambda role=role: role.watched(settings, catalog))
        if isinstance(found, Refusal):
            return found
        together += found
    return together


def desired(
    roles: Sequence[Role], target: Target, settings: HostSettings, catalog: Catalog
) -> Desired | Refusal:
    """The sum of the roles that apply.

    A Refusal where one of them refuses the host, where two of them claim the same thing in two ways, or where
    one wants what its own probe would not see.
    """
    claims: list[tuple[Role, Thing]] = []
    waiting = []
    for role in roles:
        said = _asked(role, lambda role=role: _manifest_of(role, target, settings, catalog))
        if isinstance(said, Refusal):
            return said
        if isinstance(said, Waiting):
            waiting.append(said)
        else:
            claims += [(role, thing) for thing in said.things]
    return _summed(claims) or Desired(manifest(thing for _, thing in claims), tuple(waiting))


def unseen(role: Role, things: Sequence[Thing], watched: Watched) -> Refusal | None:
    """A refusal that names what a role wants and does not watch: its host would never converge."""
    missing = [word for thing in things for word in thing.unwatched(watched)]
    if not missing:
        return None
    return Refusal(
        f"role {role.name} wants {missing[0]}, which it does not watch", f"add it to watched of {role.name}"
    )


def _manifest_of(
    role: Role, target: Target, settings: HostSettings, catalog: Catalog
) -> Manifest | Refusal | Waiting:
    if not role.is_for(target, settings, catalog):
        return Manifest()
    said = role.manifest(target, settings, catalog)
    if isinstance(said, Manifest) and (refusal := unseen(role, said.things, role.watched(settings, catalog))):
        return refusal
    return said


def _asked(role: Role, ask: Callable[[], Answer]) -> Answer | Refusal:
    """The answer of a role; a mistake in its code is this host's refusal, and not the end of the run."""
    try:
        return ask()
    except Exception as error:
        last = extract_tb(error.__traceback__)[-1]
        where = f"{last.filename}, line {last.lineno}"
        return Refusal(f"role {role.name} fails: {type(error).__name__}: {error} ({where})", CORRECT)


def _summed(claims: Sequence[tuple[Role, Thing]]) -> Refusal | None:
    """A refusal that names two roles whose claims cannot both be met."""
    for one, other, how in _conflicts(claims):
        remedy = "change one of them, or keep it from this host"
        return Refusal(f"roles {one.name} and {other.name} {how}", remedy)
    return None


def _conflicts(claims: Sequence[tuple[Role, Thing]]) -> Iterator[tuple[Role, Role, str]]:
    claimed: dict[tuple[str, str], tuple[Role, Thing]] = {}
    for role, thing in claims:
        key = (thing.kind, thing.claim)
        first, merged = claimed.get(key, (role, thing))
        try:
            claimed[key] = (first, merged.merged(thing) if merged is not thing else thing)
        except Conflict as conflict:
            yield first, role, f"both claim {thing.kind} {thing.claim}, {conflict}"
    forbidding = [each for each in claims if type(each[1]).forbids is not Thing.forbids]
    for role, thing in forbidding:
        for other, wanted in claims:
            if other is not role and thing.forbids(wanted):
                yield (
                    role,
                    other,
                    f"differ on {wanted.kind} {wanted.claim}: the second wants what the first forbids",
                )
