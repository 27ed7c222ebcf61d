"""Files with their whole content, and files that must not be there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from shlex import quote
from typing import ClassVar, Literal

from typing_extensions import override

from xpulab.desired.thing import NOT_THERE, Difference, NewText, Phase, Shell, Thing
from xpulab.probing.observed import Observed
from xpulab.probing.watched import Watched
from xpulab.shell.scripts import write_bytes


@dataclass(frozen=True)
class File(Thing):
    """A file with its whole content. `phase` says whether apt must see it first.

    What a `secret` one holds is never shown; nor is that of one whose mode lets not everybody read it.
    """

    path: str
    content: str
    mode: str = "0644"
    phase: Literal["before-packages", "after-packages"] = "after-packages"
    secret: bool = False

    kind: ClassVar[str] = "file"

    @property
    @override
    def claim(self) -> str:
        """Its path."""
        return self.path

    @property
    def new_text(self) -> NewText:
        """What is written, and whether it may be shown."""
        return NewText(self.path, self.content, self.secret or not is_for_everybody(self.mode))

    @override
    def differences(self, observed: Observed) -> Iterator[Difference]:
        """It is not there, or has other content, another mode or another owner."""
        found = observed.files.get(self.path)
        if found is None:
            yield self._difference(NOT_THERE, f"{len(self.content.encode())} bytes", self.new_text)
        elif found.sha256 != hashlib.sha256(self.content.encode()).hexdigest():
            yield self._difference("other content", "as in the manifest", self.new_text)
        elif (found.mode, found.owner) != (self.mode, "root:root"):
            yield self._difference(f"mode {found.mode} {found.owner}", "as in the manifest")

    @override
    def unwatched(self, watched: Watched) -> Iterable[str]:
        return () if watched.has_file(self.path) else (f"file {self.path}",)

    def _difference(self, found: str, wanted: str, *rewrites: NewText) -> Difference:
        return Difference(self.kind, self.path, found, wanted, written(self), rewrites)


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
            gone = NewText(self.path, None)
            yield Difference(self.kind, self.path, "there", "absent", removed, (gone,), takes_away=True)

    @override
    def forbids(self, other: Thing) -> bool:
        return type(other) is File and other.path == self.path

    @override
    def unwatched(self, watched: Watched) -> Iterable[str]:
        return () if watched.has_file(self.path) else (f"file {self.path}",)


def is_for_everybody(mode: str) -> bool:
    """Whether a mode such as `0644` lets every user of the host read the file."""
    return mode[-1:] in {"4", "5", "6", "7"}


EARLY_FILES, FILES = "write files", "write files and group memberships"


def written(file: File) -> Shell:
    """How a file is put in place."""
    early = file.phase == "before-packages"
    line = write_bytes(file.path, file.content.encode(), file.mode)
    return Shell(Phase.SOURCES if early else Phase.FILES, EARLY_FILES if early else FILES, (line,))
