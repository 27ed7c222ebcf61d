"""Users' names, and what stands for each of them. Pure.

The same name has the same substitute all over a snapshot, so that what differs stays the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

ANYBODY = frozenset(
    (
        "root",
        "ubuntu",
        "debian",
        "docker",
        "video",
        "render",
        "nvidia",
        "intel",
        "pytorch",
        "default",
        "UNKNOWN",
    )
)
"""Names that tell nothing of anybody, and that stand for other things as well: they stay."""
_KEYS = re.compile(r"users?|user[-_]?names?|owners?|members?|accounts?|logins?|userns-remap", re.IGNORECASE)
_HOME = re.compile(r"(?P<kept>/(?:home|Users)/)(?P<name>[A-Za-z0-9_][^/\s\"':,;*?]*)")


@dataclass(frozen=True)
class People:
    """The substitutes of users' names, by name."""

    substitutes: Mapping[str, str]

    def name(self, name: str) -> str:
        """What stands for a user."""
        return self.substitutes.get(name, name)

    def owner(self, owner: str) -> str:
        """What stands for a file's owner, such as `ada:users`."""
        return ":".join(map(self.name, owner.split(":")))

    def text(self, text: str) -> str:
        """A text with the substitutes for names that stand in it as whole words."""
        return self._words.sub(lambda found: self.substitutes[found[0]], text) if self.substitutes else text

    def homes(self, text: str) -> str:
        """A text with the substitutes in paths below /home alone."""
        return _HOME.sub(lambda found: found["kept"] + self.name(found["name"]), text)

    @cached_property
    def _words(self) -> re.Pattern[str]:
        longest_first = sorted(self.substitutes, key=len, reverse=True)
        names = "|".join(map(re.escape, longest_first))
        return re.compile(rf"(?<![\w-])(?<!\w\.)(?:{names})(?![\w-])(?!\.\w)")


def people(names: Iterable[str]) -> People:
    """Substitutes for these names: user1, user2 and so on, in their order."""
    known = [each for each in dict.fromkeys(names) if each and each not in ANYBODY and not each.isdigit()]
    return People({name: f"user{number}" for number, name in enumerate(known, 1)})


def names_in(value: Any, key: str = "") -> Iterator[str]:
    """The users that JSON data speaks of: by keys such as `users`, and by their homes."""
    is_of_people = bool(_KEYS.fullmatch(key))
    if isinstance(value, dict):
        if is_of_people:
            yield from value
        for inner, each in value.items():
            yield from names_in(each, inner)
            yield from homes_in(inner)
    elif isinstance(value, list):
        for each in value:
            yield from names_in(each, key)
    elif isinstance(value, str):
        if is_of_people:
            yield value.partition(":")[0]
        yield from homes_in(value)


def homes_in(text: str) -> Iterator[str]:
    """The users whose homes a text names."""
    return (found["name"] for found in _HOME.finditer(text))
