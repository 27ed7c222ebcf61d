"""Software that its own installer put on a host: a package beside it, and neither would work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from xpulab.desired.thing import Difference, Thing
from xpulab.probing.observed import Observed
from xpulab.probing.watched import Watched
from xpulab.schema.refusal import Refusal


@dataclass(frozen=True)
class ForeignInstallation(Thing):
    """A path that only such an installer makes: a host that has it is refused, with what removes it."""

    path: str
    what: str
    remedy: str

    kind: ClassVar[str] = "foreign installation"

    @property
    @override
    def claim(self) -> str:
        """The path."""
        return self.path

    @override
    def differences(self, observed: Observed) -> Iterator[Difference]:
        """None: a person has to decide."""
        return iter(())

    @override
    def unwatched(self, watched: Watched) -> Iterable[str]:
        return () if watched.has_file(self.path) else (f"file {self.path}",)

    @override
    def unusable(self, observed: Observed) -> Refusal | None:
        """It is there."""
        if self.path not in observed.files:
            return None
        return Refusal(f"{self.path} says that {self.what}", self.remedy)
