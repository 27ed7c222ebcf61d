"""The sum of roles: what adds up, what clashes, and what becomes of mistakes in a role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from tests.unit.sample_hosts import host, resolved
from xpulab.converging.assess import assess
from xpulab.converging.outcome import outcome_of
from xpulab.desired.kinds.file import AbsentFile, File
from xpulab.desired.kinds.json_settings import JsonSettings
from xpulab.desired.kinds.membership import Membership
from xpulab.desired.kinds.package import AbsentPackages, Package
from xpulab.desired.kinds.unit import Unit
from xpulab.desired.manifest import Manifest
from xpulab.desired.role import Role, Waiting
from xpulab.desired.state import Desired, desired, watched_by
from xpulab.desired.thing import Difference, Thing
from xpulab.inventory.settings import HostSettings
from xpulab.probing.observed import Observed
from xpulab.probing.watched import Watched
from xpulab.resolving.resolve import resolve
from xpulab.resolving.vendors import load_catalog
from xpulab.schema.refusal import Refusal

CATALOG, SETTINGS = load_catalog(), HostSettings()
TARGET = resolved(resolve(host(), SETTINGS, CATALOG))


def role(name: str, *things: Thing, watched: Watched = Watched()) -> Role:  # noqa: B008 - it is frozen
    return Role(name, lambda *asked: Manifest(things), watched=lambda *asked: watched)


def sum_of(*roles: Role, watched: Watched | None = None) -> Desired | Refusal:
    return desired(roles, TARGET, SETTINGS, CATALOG, watched)


def clash(one: Thing, other: Thing) -> str:
    found = sum_of(role("one", one), role("other", other))
    assert isinstance(found, Refusal), found
    assert found.remedy == "change one of them, or keep it from this host"
    return found.reason


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        (File("/a", "1"), File("/a", "2"), "both claim file /a, with different content"),
        (File("/a", "1"), File("/a", "1", "0755"), "both claim file /a, with different content"),
        (Unit("a.service"), Unit("a.service", oneshot=True), "both claim service a.service, with different"),
        (Package("a", "1"), Package("a", "2"), "both claim package a, as 1 and as 2"),
        (Package("a", "1"), Package("a", minimum="1"), "both claim package a, as 1 and as 1 or newer"),
        (
            JsonSettings("/a", {"x": {"y": 1}}),
            JsonSettings("/a", {"x": {"y": 2}}),
            "both claim settings /a, with different values of x.y",
        ),
    ],
)
def test_two_roles_that_want_one_thing_in_two_ways_are_both_named(
    one: Thing, other: Thing, words: str
) -> None:
    assert clash(one, other).startswith(f"roles one and other {words}")


@pytest.mark.parametrize(
    ("forbids", "wanted", "thing"),
    [
        (AbsentPackages(("lib*", "nfs-*")), Package("nfs-common"), "package nfs-common"),
        (AbsentFile("/a"), File("/a", ""), "file /a"),
    ],
)
def test_what_one_role_forbids_another_cannot_want_whichever_comes_first(
    forbids: Thing, wanted: Thing, thing: str
) -> None:
    words = f"one and other differ on {thing}: the second wants what the first forbids"
    assert clash(forbids, wanted) == f"roles {words}"
    swapped = words.replace("one", "x").replace("other", "one", 1).replace("x", "other", 1)
    assert clash(wanted, forbids) == f"roles {swapped}"


def test_claims_that_can_both_be_met_are_one_thing() -> None:
    found = sum_of(
        role("one", Package("a"), Unit("u", ("/x",)), JsonSettings("/j", {"x": {"y": 1}}), File("/f", "")),
        role("other", Package("a", "1"), Unit("u", ("/y",)), JsonSettings("/j", {"x": {"z": 2}})),
        role("third", Package("a"), File("/f", ""), Membership("ada", ("docker",))),
        role("fourth", Membership("ada", ("video",)), AbsentPackages(("b*",)), AbsentPackages(("c",))),
    )
    assert found == Desired(
        Manifest(
            (
                Package("a", "1"),
                Unit("u", ("/x", "/y")),
                JsonSettings("/j", {"x": {"y": 1, "z": 2}}),
                File("/f", ""),
                Membership("ada", ("docker", "video")),
                AbsentPackages(("b*", "c")),
            )
        )
    )


@pytest.mark.parametrize(
    ("thing", "watched", "words"),
    [
        (File("/a", ""), Watched(files=("/b", "/*/a")), "file /a"),
        (Unit("u", ("/a",)), Watched(units=("u",)), "file /a"),
        (Unit("u", makes="/a"), Watched(files=("/a",)), "unit u"),
        (Membership("ada", ("video",)), Watched(groups=("video",)), "user ada"),
        (Membership("ada", ("video",)), Watched(users=("ada",)), "group video"),
        (JsonSettings("/a", {}), Watched(files=("/a",)), "the content of /a"),
    ],
)
def test_what_a_role_wants_and_nobody_watches_is_refused_by_name(
    thing: Thing, watched: Watched, words: str
) -> None:
    found = sum_of(role("one", thing), watched=watched)
    assert found == Refusal(f"role one wants {words}, which it does not watch", "add it to watched of one")


def test_what_another_role_watches_is_seen_too() -> None:
    watched = watched_by((role("one"), role("other", watched=Watched(files=("/a*",)))), SETTINGS, CATALOG)
    assert isinstance(watched, Watched)
    assert isinstance(sum_of(role("one", File("/abc", "")), watched=watched), Desired)


def test_two_roles_cannot_ask_for_one_fact_in_two_ways() -> None:
    def asked(shell: str) -> Role:
        return role("x" + shell, watched=Watched(facts={"load": shell}))

    same = watched_by((asked("uptime"), asked("uptime")), SETTINGS, CATALOG)
    assert same == Watched(facts={"load": "uptime"})
    assert watched_by((asked("uptime"), asked("w")), SETTINGS, CATALOG) == Refusal(
        "role xw asks for fact load in another way than a role before",
        "give one of them another name, in watched of xw",
    )


def test_a_role_that_waits_leaves_the_others_their_things_and_one_that_refuses_does_not() -> None:
    waits = Role("waits", lambda *asked: Waiting("no image yet", "build it"))
    refuses = Role("refuses", lambda *asked: Refusal("no such card", "buy one"))
    found = sum_of(waits, role("one", Package("a")))
    assert found == Desired(Manifest((Package("a"),)), (Waiting("no image yet", "build it"),))
    assert sum_of(waits, role("one"), refuses) == Refusal("no such card", "buy one")


def test_a_host_that_waits_says_so_once_nothing_differs() -> None:
    waits = Role("waits", lambda *asked: Waiting("no image yet", "build it"))
    outcome = outcome_of("a", assess(host(), SETTINGS, CATALOG, (waits,)))
    assert (outcome.state, outcome.reason, outcome.remedy) == ("waiting", "no image yet", "build it")
    drifted = outcome_of("a", assess(host(), SETTINGS, CATALOG, (waits, role("one", Package("a")))))
    assert (drifted.state, drifted.reason) == ("drifted", "no image yet")


def fails(*asked: object) -> Any:
    raise KeyError("nfs")


def gives_nothing(*asked: object) -> Any:
    return None


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (Role("mine", fails), "role mine fails: KeyError: 'nfs' ("),
        (Role("mine", gives_nothing, applies=fails), "role mine fails: KeyError: 'nfs' ("),
        (Role("mine", gives_nothing), "role mine gives a NoneType where a Manifest or a Waiting is due"),
    ],
)
def test_a_mistake_in_a_role_is_its_hosts_refusal_with_the_place(broken: Role, words: str) -> None:
    found = sum_of(role("one"), broken)
    assert isinstance(found, Refusal) and found.remedy == "correct the role"
    assert found.reason.startswith(words)
    assert "fails" not in words or f"({__file__}, line {fails.__code__.co_firstlineno + 1})" in found.reason


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (fails, "role mine fails: KeyError: 'nfs' ("),
        (gives_nothing, "role mine gives a NoneType where a Watched is due"),
        (
            lambda *asked: Watched(files=("no path",)),
            "role mine fails: ValueError: 'no path' cannot be watched",
        ),
    ],
)
def test_so_is_one_in_what_it_watches(ask: Callable[..., Any], words: str) -> None:
    found = watched_by((Role("mine", gives_nothing, watched=ask),), SETTINGS, CATALOG)
    assert isinstance(found, Refusal) and found.reason.startswith(words)


@dataclass(frozen=True)
class Broken(Thing):
    """A kind of a lab's own whose author made a mistake in one of its methods."""

    where: str

    kind: ClassVar[str] = "mount"

    @property
    def claim(self) -> str:
        return fails() if self.where == "claim" else self.where

    def differences(self, observed: Observed) -> Iterator[Difference]:
        if self.where == "differences":
            fails()
        yield from ()

    def unusable(self, observed: Observed) -> Refusal | None:
        return fails() if self.where == "unusable" else None

    def unwatched(self, watched: Watched) -> tuple[str, ...]:
        return fails() if self.where == "unwatched" else ()

    def forbids(self, other: Thing) -> bool:
        return fails() if self.where == "forbids" else False


@pytest.mark.parametrize("where", ["claim", "differences", "unusable", "unwatched", "forbids"])
def test_so_is_one_in_a_kind_of_thing(where: str) -> None:
    roles = (role("one", Package("a")), role("mine", Broken(where)))
    watched = Watched(files=("/a",))
    found = assess(host(), SETTINGS, CATALOG, roles, watched).refusal
    assert found and "fails: KeyError: 'nfs' (" in found.reason and __file__ in found.reason
    assert assess(host(), SETTINGS, CATALOG, (role("mine", Broken("nowhere")),), watched).refusal is None
