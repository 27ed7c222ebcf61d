"""The desired state of a host: the sum of its roles, or why there is none. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from traceback import walk_tb
from typing import TypeVar

from xpulab.catalog.models import Catalog
from xpulab.desired.manifest import Manifest
from xpulab.desired.own_roles import PACKAGE
from xpulab.desired.role import Role, Waiting
from xpulab.desired.thing import Conflict, Thing
from xpulab.inventory.settings import HostSettings
from xpulab.probing.watched import Watched, together
from xpulab.resolving.target import Target
from xpulab.schema.refusal import Refusal

Answer = TypeVar("Answer")
CORRECT = "correct the role"
CODE_OF_ROLES = (f"{PACKAGE}.", "xpulab.roles.")


@dataclass(frozen=True)
class Desired:
    """What a host must have, and what some of its roles wait for."""

    manifest: Manifest
    waiting: tuple[Waiting, ...] = ()


def watched_by(roles: Sequence[Role], settings: HostSettings, catalog: Catalog) -> Watched | Refusal:
    """What the probe of a host has to look at: the sum of what its roles watch."""
    parts: list[Watched] = []
    facts: dict[str, str] = {}
    for role in roles:
        found = _asked(role, partial(role.watched, settings, catalog), Watched)
        if isinstance(found, Refusal):
            return found
        twice = next((name for name, how in found.facts.items() if facts.get(name, how) != how), None)
        if twice:
            remedy = f"give one of them another name, in watched of {role.name}"
            return Refusal(
                f"role {role.name} asks for fact {twice} in another way than a role before", remedy
            )
        facts.update(found.facts)
        parts.append(found)
    return together(parts)


def desired(
    roles: Sequence[Role],
    target: Target,
    settings: HostSettings,
    catalog: Catalog,
    watched: Watched | None = None,
) -> Desired | Refusal:
    """The sum of the roles that apply.

    A Refusal where one of them refuses the host, where two of them claim the same thing in two ways, or where
    one wants what a probe that looks at `watched` does not see.
    """
    claims: list[tuple[Role, Thing]] = []
    waiting = []
    for role in roles:
        said = _asked(
            role, partial(_manifest_of, role, target, settings, catalog, watched), Manifest, Waiting
        )
        if isinstance(said, Refusal):
            return said
        if isinstance(said, Waiting):
            waiting.append(said)
        else:
            claims += [(role, thing) for thing in said.things]
    try:
        together = _together(claims)
    except Exception as error:
        return mistake("a kind of thing", error)
    return together if isinstance(together, Refusal) else Desired(together, tuple(waiting))


def unseen(role: Role, things: Sequence[Thing], watched: Watched) -> Refusal | None:
    """A refusal that names what a role wants and does not watch: its host would never converge."""
    missing = [word for thing in things for word in thing.unwatched(watched)]
    if not missing:
        return None
    return Refusal(
        f"role {role.name} wants {missing[0]}, which it does not watch", f"add it to watched of {role.name}"
    )


def mistake(whose: str, error: Exception) -> Refusal:
    """What becomes of an exception in code that may be a lab's own: it is this host's alone.

    It names the last line of a role's own code: that is where its author has to look.
    """
    frames = list(walk_tb(error.__traceback__))
    of_roles = [each for each in frames if str(each[0].f_globals.get("__name__")).startswith(CODE_OF_ROLES)]
    frame, line = (of_roles or frames)[-1]
    where = f"{frame.f_code.co_filename}, line {line}"
    return Refusal(f"{whose} fails: {type(error).__name__}: {error} ({where})", CORRECT)


def _manifest_of(
    role: Role, target: Target, settings: HostSettings, catalog: Catalog, watched: Watched | None
) -> Manifest | Refusal | Waiting:
    if not role.is_for(target, settings, catalog):
        return Manifest()
    said = role.manifest(target, settings, catalog)
    unwatched = unseen(role, said.things, watched) if isinstance(said, Manifest) and watched else None
    return unwatched or said


def _asked(role: Role, ask: Callable[[], Answer], *kinds: type) -> Answer | Refusal:
    """The answer of a role; a mistake in its code is this host's refusal, and not the end of the run."""
    try:
        answer = ask()
    except Exception as error:
        return mistake(f"role {role.name}", error)
    if isinstance(answer, (*kinds, Refusal)):
        return answer
    wanted = " or a ".join(kind.__name__ for kind in kinds)
    return Refusal(f"role {role.name} gives a {type(answer).__name__} where a {wanted} is due", CORRECT)


def _together(claims: Sequence[tuple[Role, Thing]]) -> Manifest | Refusal:
    """All claims in one manifest, or a refusal that names two roles whose claims cannot both be met."""
    claimed: dict[tuple[str, str], tuple[Role, Thing]] = {}
    for role, thing in claims:
        key = (thing.kind, thing.claim)
        if key not in claimed:
            claimed[key] = (role, thing)
            continue
        first, before = claimed[key]
        try:
            claimed[key] = (first, before.merged(thing))
        except Conflict as conflict:
            return _clash(first, role, f"both claim {thing.kind} {thing.claim}, {conflict}")
    for role, thing in claims:
        if type(thing).forbids is not Thing.forbids:
            for other, wanted in claims:
                if other is not role and thing.forbids(wanted):
                    how = f"differ on {wanted.kind} {wanted.claim}: the second wants what the first forbids"
                    return _clash(role, other, how)
    return Manifest(tuple(thing for _, thing in claimed.values()))


def _clash(one: Role, other: Role, how: str) -> Refusal:
    remedy = "change one of them, or keep it from this host"
    return Refusal(f"roles {one.name} and {other.name} {how}", remedy)
