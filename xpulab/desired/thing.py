"""What every kind of thing in a manifest has in common, and how a difference is put right."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import TYPE_CHECKING, ClassVar, Literal

from typing_extensions import Self

from xpulab.probing.observed import Observed
from xpulab.probing.watched import Watched
from xpulab.schema.refusal import Refusal

if TYPE_CHECKING:  # it is a thing itself
    from xpulab.desired.kinds.apt_repository import AptRepository

NOT_THERE = "not there"
Use = Literal["containers", "accelerators"]
"""What others on the host may be using, and a mend may take away from under them."""


class Phase(IntEnum):
    """When a difference is put right: in this order, and looked at anew after FILES and after REBOOT."""

    KEYS = auto()
    SOURCES = auto()
    PACKAGES = auto()
    FILES = auto()
    REBOOT = auto()
    MODULES = auto()
    UNITS = auto()
    IMAGES = auto()
    CONTAINERS = auto()


@dataclass(frozen=True)
class Run:
    """Run a POSIX sh script as root; `timeout` in seconds, `stdin` what it reads.

    A failure's meaning is told by `on_failure`. A script with a `refusal` only asks: where it fails, the
    host is refused.
    """

    what: str
    script: str
    timeout: int = 120
    on_failure: str = ""
    refusal: Refusal | None = None
    stdin: str = ""


@dataclass(frozen=True)
class FetchKey:
    """The repository's key is fetched, and written if it is a pinned one."""

    repository: AptRepository


@dataclass(frozen=True)
class InApt:
    """A part of the host's one apt transaction: something to install or to remove, or a repair.

    `otherwise` is installed where no source of the host has what is to be installed.
    """

    install: str | None = None
    remove: str | None = None
    repair: bool = False
    otherwise: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shell:
    """Lines of POSIX sh, run in one script with those of the same phase and verb, such as `start`.

    `what` is what the script's title says after the verb; a verb that is a whole title needs none.
    """

    phase: Phase
    verb: str
    lines: tuple[str, ...]
    what: str = ""
    timeout: int = 120
    then_update: bool = False
    """Whether apt has to read its package lists anew afterwards."""


@dataclass(frozen=True)
class Boot:
    """Only a boot puts it right."""


@dataclass(frozen=True)
class Runs:
    """Remote commands of its own, with what may be asked before anything changes, and begun beside apt."""

    phase: Phase
    runs: tuple[Run, ...]
    asked_first: Run | None = None
    beside_apt: str | None = None


Mend = FetchKey | InApt | Shell | Boot | Runs


@dataclass(frozen=True)
class NewText:
    """What a file will hold once a difference is put right; a `text` of None says that it will be gone.

    Of a file that `is_secret`, nobody is shown or sent the text that is there now.
    """

    path: str
    text: str | None
    is_secret: bool = False


@dataclass(frozen=True)
class Difference:
    """One thing that is not as wanted: the word for its kind, its name, and how it is put right.

    `rewrites` are the files that putting it right writes or removes, for those who want to see the text. It
    `takes_away` where something of the host's is gone afterwards, and `disturbs` those who use it meanwhile.
    """

    kind: str
    name: str
    found: str
    wanted: str
    mend: Mend
    rewrites: tuple[NewText, ...] = ()
    takes_away: bool = False
    disturbs: Use | None = None


class Conflict(Exception):
    """Two claims on one thing that cannot both be met; the message says how they differ."""


class Thing(ABC):
    """One entry of a manifest. A kind of thing is a frozen dataclass and one file."""

    kind: ClassVar[str]
    """The word for it in plans and errors."""

    @property
    @abstractmethod
    def claim(self) -> str:
        """What it lays claim to: of one kind, a host has one thing with this claim."""

    @abstractmethod
    def differences(self, observed: Observed) -> Iterator[Difference]:
        """What is not as wanted. Costs nothing but looking at data."""

    def unwatched(self, watched: Watched) -> Iterable[str]:
        """What a probe that looks at `watched` would not see of this thing, in words."""
        return ()

    def forbids(self, other: Thing) -> bool:
        """Whether this thing cannot be had beside another one of another name or kind."""
        return False

    def unusable(self, observed: Observed) -> Refusal | None:
        """Why the host, as it is, cannot be made to have it."""
        return None

    def merged(self, other: Self) -> Self:
        """Both claims on the same thing in one. Raises Conflict where they differ."""
        if self == other:
            return self
        raise Conflict("with different content")
