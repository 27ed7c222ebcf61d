"""Users in groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from shlex import quote
from typing import ClassVar

from typing_extensions import Self, override

from xpulab.desired.kinds.file import FILES
from xpulab.desired.thing import Difference, Phase, Shell, Thing
from xpulab.probing.observed import Observed
from xpulab.probing.watched import Watched
from xpulab.schema.refusal import Refusal


@dataclass(frozen=True)
class Membership(Thing):
    """A user that must be a member of groups; a group that is not there is made."""

    user: str
    groups: tuple[str, ...]

    kind: ClassVar[str] = "group membership"

    @property
    @override
    def claim(self) -> str:
        """The user."""
        return self.user

    @override
    def differences(self, observed: Observed) -> Iterator[Difference]:
        """The user is not in one of the groups."""
        known_as = observed.users.get(self.user, self.user)
        for name in self.groups:
            group = observed.groups.get(name)
            if group is None or known_as not in group.members:
                lines = (
                    f"getent group {quote(name)} >/dev/null || groupadd --system {quote(name)}",
                    # usermod knows the users of /etc/passwd alone, and none of a directory.
                    f"gpasswd --add {quote(known_as)} {quote(name)} >/dev/null",
                )
                mend = Shell(Phase.FILES, FILES, lines)
                yield Difference(self.kind, f"{self.user} in {name}", "no", "yes", mend)

    @override
    def unwatched(self, watched: Watched) -> Iterable[str]:
        groups = [f"group {name}" for name in self.groups if name not in watched.groups]
        return groups if self.user in watched.users else [*groups, f"user {self.user}"]

    @override
    def unusable(self, observed: Observed) -> Refusal | None:
        if self.user in observed.users:
            return None
        return Refusal(
            f"user {self.user!r} of the inventory does not exist on this host",
            f"create it (adduser {self.user}) or take it out of users",
        )

    @override
    def merged(self, other: Self) -> Self:
        return type(self)(self.user, tuple(dict.fromkeys(self.groups + other.groups)))
