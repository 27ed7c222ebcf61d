"""Desired state of one host as data. Manifests add up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from xpulab.desired.thing import Thing

T = TypeVar("T", bound=Thing)


@dataclass(frozen=True)
class Manifest:
    """Things that a host must have, or must not; one for each kind and claim."""

    things: tuple[Thing, ...] = ()

    def of(self, kind: type[T]) -> tuple[T, ...]:
        """The things of one kind, in the order in which they were claimed."""
        return tuple(each for each in self.things if type(each) is kind)

    def __add__(self, other: Manifest) -> Manifest:
        """Both manifests in one. Raises Conflict where both claim a thing that cannot be as both want it."""
        return manifest((*self.things, *other.things))


def manifest(things: Iterable[Thing]) -> Manifest:
    """A manifest of these things, what claims the same in one. Raises Conflict as its addition does."""
    claimed: dict[tuple[str, str], Thing] = {}
    for thing in things:
        key = (thing.kind, thing.claim)
        claimed[key] = claimed[key].merged(thing) if key in claimed else thing
    return Manifest(tuple(claimed.values()))
