"""Packages that must be installed, that must not be, and that must not be half installed."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import ClassVar

from debian.debian_support import NativeVersion
from typing_extensions import Self, override

from xpulab.desired.origin import Origin
from xpulab.desired.thing import NOT_THERE, Conflict, Difference, InApt, Thing, Use
from xpulab.probing.observed import Observed
from xpulab.probing.watched import Watched
from xpulab.schema.refusal import Refusal


@dataclass(frozen=True)
class Package(Thing):
    """A package that must be installed: any version, one exact version, or within bounds.

    `below` is for a package whose name does not tell its branch: a version from there on is of another.
    `origin` is for one that other sources have under the same name. `alike` are packages that are to be of
    its very version, itself included: the newest of them that is there, or `minimum`. `used_as` says who
    suffers when it is replaced.
    """

    name: str
    version: str | None = None
    minimum: str | None = None
    below: str | None = None
    origin: Origin | None = None
    alike: tuple[str, ...] = ()
    used_as: Use | None = field(default=None, compare=False)

    kind: ClassVar[str] = "package"

    @property
    @override
    def claim(self) -> str:
        """Its name."""
        return self.name

    @property
    def apt_argument(self) -> str:
        """The package as `apt-get install` takes it."""
        version = self.version or (self.minimum if self.alike else None)
        return f"{self.name}={version}" if version else self.name

    @override
    def differences(self, observed: Observed) -> Iterator[Difference]:
        """It is not there, not of a wanted version, or of another channel."""
        if self.alike:
            yield from type(self)(self.name, self._version_of_all(observed)).differences(observed)
            return
        found = observed.packages.get(self.name)
        mend = InApt(self.apt_argument)
        if found is None:
            yield Difference(self.kind, self.name, NOT_THERE, self._version_words(), mend)
        elif self._is_unsuitable(found.version):
            wish = self._version_words()
            yield Difference(self.kind, self.name, found.version, wish, mend, disturbs=self.used_as)
        elif self.origin and (elsewhere := self.origin.elsewhere(self.name, observed)):
            there, wish = f"{found.version} from {elsewhere}", f"from {self.origin.words}"
            yield Difference(self.kind, self.name, there, wish, mend, disturbs=self.used_as)

    @override
    def unwatched(self, watched: Watched) -> Iterable[str]:
        return () if self.origin is None or self.name in watched.origins else (f"the origin of {self.name}",)

    @override
    def unusable(self, observed: Observed) -> Refusal | None:
        """apt holds another version of it, as its owner asked."""
        return _held((each.name for each in self.differences(observed)), observed)

    @override
    def merged(self, other: Self) -> Self:
        """What one of them leaves open, the other may decide."""
        used_as = self.used_as or other.used_as
        if self == other or other == type(self)(self.name):
            return replace(self, used_as=used_as)
        if self == type(self)(self.name):
            return replace(other, used_as=used_as)
        raise Conflict(f"as {self._version_words()} and as {other._version_words()}")

    def _version_of_all(self, observed: Observed) -> str | None:
        """The version that all of `alike` are to have: nothing is taken back to an older one."""
        there = [observed.packages[name].version for name in self.alike if name in observed.packages]
        versions = [each for each in (self.minimum, *there) if each]
        return max(versions, key=NativeVersion, default=None)

    def _is_unsuitable(self, found: str) -> bool:
        too_old = self.minimum and NativeVersion(found) < NativeVersion(self.minimum)
        too_new = self.below and NativeVersion(found) >= NativeVersion(self.below)
        return bool(too_old or too_new or (self.version and found != self.version))

    def _version_words(self) -> str:
        if self.version:
            return self.version
        bounds = (self.minimum and f"{self.minimum} or newer", self.below and f"below {self.below}")
        return ", ".join(filter(None, bounds)) or "installed"


@dataclass(frozen=True)
class AbsentPackages(Thing):
    """Packages that must not be installed, by name or by a shell pattern; `used_as` says who uses them."""

    patterns: tuple[str, ...]
    used_as: Mapping[Use, tuple[str, ...]] = field(default_factory=dict)

    kind: ClassVar[str] = "unwanted package"

    @property
    @override
    def claim(self) -> str:
        """Always the same: one for a host: a host has thousands of packages."""
        return "all"

    @override
    def differences(self, observed: Observed) -> Iterator[Difference]:
        """One of them is installed."""
        unwanted = _any_of(self.patterns)
        for name, found in sorted(observed.packages.items()):
            if unwanted.fullmatch(name):
                use = next((use for use, each in self.used_as.items() if _any_of(each).fullmatch(name)), None)
                mend = InApt(remove=name)
                yield Difference(
                    self.kind, name, found.version, "absent", mend, takes_away=True, disturbs=use
                )

    @override
    def unusable(self, observed: Observed) -> Refusal | None:
        """apt holds one of them, as its owner asked."""
        return _held((each.name for each in self.differences(observed)), observed)

    @override
    def forbids(self, other: Thing) -> bool:
        return type(other) is Package and bool(_any_of(self.patterns).fullmatch(other.name))

    @override
    def merged(self, other: Self) -> Self:
        uses = {
            use: self.used_as.get(use, ()) + other.used_as.get(use, ())
            for use in (*self.used_as, *other.used_as)
        }
        return type(self)(tuple(dict.fromkeys(self.patterns + other.patterns)), uses)


@dataclass(frozen=True)
class WholePackages(Thing):
    """That no package is half installed or not configured, whoever wanted it."""

    kind: ClassVar[str] = "broken package"

    @property
    @override
    def claim(self) -> str:
        """Always the same: one for a host."""
        return "any"

    @override
    def differences(self, observed: Observed) -> Iterator[Difference]:
        """One of them is not whole."""
        for name, found in sorted(observed.packages.items()):
            if not found.intact:
                yield Difference(self.kind, name, "not configured", "installed", InApt(repair=True))


def _held(names: Iterable[str], observed: Observed) -> Refusal | None:
    """A refusal that names those of the packages which apt is told to leave alone."""
    held = [name for name in names if name in observed.packages and observed.packages[name].held]
    if not held:
        return None
    words = ", ".join(f"{name} ({observed.packages[name].version})" for name in held)
    return Refusal(
        f"apt is told to hold {words}, which would have to change",
        f"apt-mark unhold {' '.join(held)}, and run again",
    )


@lru_cache(maxsize=256)
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """One expression for all shell patterns."""
    return re.compile("|".join(map(fnmatch.translate, patterns)) or "(?!)")
