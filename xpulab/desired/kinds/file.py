"""Files with their whole content, and files that must not be there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from shlex import quote
from typing import ClassVar, Literal

from typing_extensions import override

from xpulab.desired.thing import NOT_THERE, Difference, Phase, Shell, Thing
from xpulab.probing.observed import FoundFile, Observed
from xpulab.probing.watched import Watched
from xpulab.shell.scripts import write_bytes


@dataclass(frozen=True)
class File(Thing):
    """A file with its whole content. `phase` says whether apt must see it first."""

    path: str
    content: str
    mode: str = "0644"
    phase: Literal["before-packages", "after-packages"] = "after-packages"

    kind: ClassVar[str] = "file"

    @property
    @override
    def claim(self) -> str:
        """Its path."""
        return self.path

    @override
    def differences(self, observed: Observed) -> Iterator[Difference]:
        """It is not there, or has other content, another mode or another owner."""
        found = observed.files.get(self.path)
        if found is None:
            yield self._difference(NOT_THERE, f"{len(self.content.encode())} bytes")
        elif wrong := self._wrong_with(found):
            yield self._difference(wrong, "as in the manifest")

    @override
    def unwatched(self, watched: Watched) -> Iterable[str]:
        return () if watched.has_file(self.path) else (f"file {self.path}",)

    def _difference(self, found: str, wanted: str) -> Difference:
        return Difference(self.kind, self.path, found, wanted, written(self))

    def _wrong_with(self, found: FoundFile) -> str | None:
        if found.sha256 != hashlib.sha256(self.content.encode()).hexdigest():
            return "other content"
        if (found.mode, found.owner) != (self.mode, "root:root"):
            return f"mode {found.mode} {found.owner}"
        return None


@dataclass(frozen=True)
class AbsentFile(Thing):
    """A path at which no file may be."""

    path: str

    kind: ClassVar[str] = "unwanted file"

    @property
    @override
    def claim(self) -> str:
        """Its path."""
        return self.path

    @override
    def differences(self, observed: Observed) -> Iterator[Difference]:
        """It is there."""
        if self.path in observed.files:
            removed = Shell(Phase.FILES, FILES, (f"rm -f {quote(self.path)}",))
            yield Difference(self.kind, self.path, "there", "absent", removed)

    @override
    def forbids(self, other: Thing) -> bool:
        return type(other) is File and other.path == self.path

    @override
    def unwatched(self, watched: Watched) -> Iterable[str]:
        return () if watched.has_file(self.path) else (f"file {self.path}",)


EARLY_FILES, FILES = "write files", "write files and group memberships"


def written(file: File) -> Shell:
    """How a file is put in place."""
    early = file.phase == "before-packages"
    line = write_bytes(file.path, file.content.encode(), file.mode)
    return Shell(Phase.SOURCES if early else Phase.FILES, EARLY_FILES if early else FILES, (line,))
