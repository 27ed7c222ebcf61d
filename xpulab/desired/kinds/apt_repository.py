"""apt repositories of vendors: keyring and source file, and sources of others that must not be in use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from shlex import quote
from typing import ClassVar

from typing_extensions import Self, override

from xpulab.desired.kinds.file import EARLY_FILES, File, written
from xpulab.desired.thing import NOT_THERE, Difference, FetchKey, Phase, Shell, Thing
from xpulab.probing.observed import AptSource, Observed
from xpulab.probing.watched import Watched
from xpulab.shell.scripts import disable_source

OURS = "/etc/apt/sources.list.d/xpulab-"
WATCHED = Watched(files=(f"{OURS}*", "/etc/apt/keyrings/xpulab-*"))
"""What a role with a repository watches."""


@dataclass(frozen=True)
class AptRepository(Thing):
    """A vendor's apt repository, written as one deb822 file, its key accepted by fingerprint only.

    `fingerprints` are the primary keys (40 hex digits) that the file at `key_url` may hold.
    """

    name: str
    key_url: str
    fingerprints: tuple[str, ...]
    uri: str
    suite: str
    components: tuple[str, ...] = ()

    kind: ClassVar[str] = "apt source"

    @property
    @override
    def claim(self) -> str:
        """Its name."""
        return self.name

    @property
    def keyring(self) -> str:
        """Where its keys stand. The name carries the key ids, so a new pin is a new file."""
        ids = "-".join(fingerprint[-16:] for fingerprint in self.fingerprints)
        return f"/etc/apt/keyrings/xpulab-{self.name}-{ids}.gpg"

    @property
    def source(self) -> File:
        """Its deb822 source file."""
        lines = [
            "# managed by xpulab",
            "Types: deb",
            f"URIs: {self.uri}",
            f"Suites: {self.suite}",
            *([f"Components: {' '.join(self.components)}"] if self.components else []),
            "Architectures: amd64",
            f"Signed-By: {self.keyring}",
        ]
        return File(f"{OURS}{self.name}.sources", "\n".join(lines) + "\n", phase="before-packages")

    @override
    def differences(self, observed: Observed) -> Iterator[Difference]:
        """Its keyring is not there, its source file is not as wanted, or another file has it too."""
        there = observed.files.get(self.keyring)
        if there is None or seal(self.keyring, there.sha256) not in observed.files:
            found = "not as it was written" if there else NOT_THERE
            fingerprints = " or ".join(self.fingerprints)
            yield Difference("apt key", self.name, found, fingerprints, FetchKey(self))
        for each in self.source.differences(observed):
            mend = replace(written(self.source), then_update=True)
            wish = f"{self.uri} {self.suite}"
            yield Difference(self.kind, self.name, each.found, wish, mend, each.rewrites)
        for twin in dict.fromkeys(observed.apt_sources):
            if _is_foreign(twin) and (twin.uri.rstrip("/"), twin.suite) == (self.uri.rstrip("/"), self.suite):
                yield _disabled(twin, f"apt stops where {self.name} stands twice with different Signed-By")

    @override
    def unwatched(self, watched: Watched) -> Iterable[str]:
        return [f"file {path}" for path in (self.keyring, self.source.path) if not watched.has_file(path)]


def seal(keyring: str, sha256: str) -> str:
    """An empty file beside a keyring, whose name says what the keyring held when its keys had been
    accepted."""
    return f"{keyring}.{sha256}"


@dataclass(frozen=True)
class ForeignSources(Thing):
    """apt sources that only xpulab may own, by the prefix of their URI, and why.

    A source of somebody else's is taken out of use, never deleted.
    """

    reasons: Mapping[str, str]

    kind: ClassVar[str] = "foreign apt source"

    @classmethod
    def of(cls, prefixes: Iterable[str], reason: str) -> ForeignSources:
        """Sources with one of these prefixes, for one reason."""
        return cls(dict.fromkeys(prefixes, reason))

    @property
    @override
    def claim(self) -> str:
        """Always the same: one for a host: all roles' claims add up."""
        return "all"

    @override
    def differences(self, observed: Observed) -> Iterator[Difference]:
        """Another file has such a source in use."""
        for source in dict.fromkeys(observed.apt_sources):
            for prefix, reason in self.reasons.items():
                if _is_foreign(source) and source.uri.startswith(prefix):
                    yield _disabled(source, reason)

    @override
    def merged(self, other: Self) -> Self:
        return type(self)({**self.reasons, **other.reasons})


@dataclass(frozen=True)
class OwnSources(Thing):
    """That of xpulab's own source files only these are there: what it no longer wants goes."""

    wanted: frozenset[str]

    kind: ClassVar[str] = "unwanted apt source"

    @classmethod
    def of(cls, repositories: Iterable[AptRepository]) -> OwnSources:
        """Those of the repositories that a host is to have."""
        return cls(frozenset(each.source.path for each in repositories))

    @property
    @override
    def claim(self) -> str:
        """Always the same: one for a host."""
        return "all"

    @override
    def differences(self, observed: Observed) -> Iterator[Difference]:
        """A file that an earlier run wrote is still there."""
        for path in sorted(observed.files):
            if path.startswith(OURS) and path not in self.wanted:
                mend = Shell(Phase.SOURCES, EARLY_FILES, (f"rm -f {quote(path)}",), then_update=True)
                yield Difference(self.kind, path, "there", "absent", mend, takes_away=True)

    @override
    def unwatched(self, watched: Watched) -> Iterable[str]:
        return () if watched.has_file(f"{OURS}any.sources") else (f"files {OURS}*",)


def _is_foreign(source: AptSource) -> bool:
    return not source.path.startswith(OURS)


def _disabled(source: AptSource, reason: str) -> Difference:
    mend = Shell(Phase.SOURCES, EARLY_FILES, (disable_source(source.path, source.uri, source.suite),))
    name = f"{source.path} {source.uri} {source.suite}"
    return Difference(ForeignSources.kind, name, "in use", f"disabled: {reason}", mend, takes_away=True)
