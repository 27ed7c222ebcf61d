"""Keys in a JSON file that others write, too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from typing_extensions import Self, override

from xpulab.desired.kinds.file import EARLY_FILES, is_for_everybody
from xpulab.desired.masking import masked_value
from xpulab.desired.thing import NOT_THERE, Conflict, Difference, NewText, Phase, Shell, Thing, Use
from xpulab.probing.observed import Observed
from xpulab.probing.watched import Watched
from xpulab.schema.refusal import Refusal
from xpulab.shell.scripts import rewrite


@dataclass(frozen=True)
class JsonSettings(Thing):
    """Keys that must stand in a JSON file; keys of others in the same file survive.

    `check` is the command that tells what is wrong with the file, for its owner. The unit in `read_by` starts
    anew for what is written, and `used_as` says who suffers then.
    """

    path: str
    settings: Mapping[str, Any]
    check: str = ""
    read_by: str = ""
    used_as: Use | None = field(default=None, compare=False)

    kind: ClassVar[str] = "settings"

    @property
    @override
    def claim(self) -> str:
        """The file's path."""
        return self.path

    @override
    def differences(self, observed: Observed) -> Iterator[Difference]:
        """A key is not there, or has another value."""
        found = self._found(observed) or {}
        unlike = list(_unlike(self.settings, found))
        if not unlike:
            return
        content = json.dumps(_merge(found, self.settings), indent=4) + "\n"
        mend = Shell(Phase.SOURCES, EARLY_FILES, (rewrite(self.path, content.encode()),))
        there = observed.files.get(self.path)
        text = NewText(self.path, content, there is not None and not is_for_everybody(there.mode))
        for key, found_value, wanted_value in unlike:
            was = found_value if found_value == NOT_THERE else masked_value(key, found_value)
            wish = masked_value(key, wanted_value)
            yield Difference(
                self.kind, f"{self.path} {key}", was, wish, mend, (text,), disturbs=self.disturbs(observed)
            )

    def disturbs(self, observed: Observed) -> Use | None:
        """Who would suffer, where the unit runs that reads the file."""
        unit = observed.units.get(self.read_by)
        return self.used_as if unit and unit.active == "active" else None

    @override
    def unwatched(self, watched: Watched) -> Iterable[str]:
        return () if self.path in watched.contents else (f"the content of {self.path}",)

    @override
    def unusable(self, observed: Observed) -> Refusal | None:
        """A file that is no JSON object: nothing can be merged into it without losing something."""
        if self._found(observed) is not None:
            return None
        how = f"correct it ({self.check})" if self.check else "correct it"
        return Refusal(
            f"{self.path} is not a JSON object, and xpulab merges into it without losing a key",
            f"{how} or remove it",
        )

    @override
    def merged(self, other: Self) -> Self:
        clash = next((key for key, _, _ in _clashes(self.settings, other.settings)), None)
        if clash:
            raise Conflict(f"with different values of {clash}")
        return type(self)(
            self.path,
            _merge(self.settings, other.settings),
            self.check or other.check,
            self.read_by or other.read_by,
            self.used_as or other.used_as,
        )

    def _found(self, observed: Observed) -> dict[str, Any] | None:
        """What the file holds; None where that is no JSON object, or one nested beyond reason."""
        text = observed.contents.get(self.path, "")
        if not text.strip():
            return {}
        try:
            found = None if "\ufffd" in text else json.loads(text)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None


def _unlike(wanted: Mapping[str, Any], found: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    for key, value in wanted.items():
        here = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(value, Mapping):
            yield from _unlike(value, here, f"{path}{key}.")
        elif here != value:
            yield path + key, NOT_THERE if here is None else json.dumps(here), json.dumps(value)


def _clashes(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The keys for which both have a value, and not the same."""
    shared = {key: one[key] for key in one if key in other}
    return (each for each in _unlike(shared, other) if each[1] != NOT_THERE)


def _merge(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(found)
    for key, value in wanted.items():
        here = merged.get(key)
        if isinstance(value, Mapping):
            merged[key] = _merge(here if isinstance(here, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged
