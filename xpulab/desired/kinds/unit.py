"""systemd units."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from shlex import quote
from typing import ClassVar

from typing_extensions import Self, override

from xpulab.desired.thing import NOT_THERE, Conflict, Difference, Phase, Shell, Thing, Use
from xpulab.probing.observed import FoundFile, Observed
from xpulab.probing.watched import Watched

ENABLED = frozenset({"enabled", "enabled-runtime", "static", "alias", "generated", "indirect"})


@dataclass(frozen=True)
class Unit(Thing):
    """A systemd unit that must be enabled and running, started anew after any of `configured_by`.

    `makes` names a file the unit writes: when it is missing, the unit is started again. A unit with `oneshot`
    is started only for that, and need not stay active. `used_as` says who suffers when it is started anew
    while it runs.
    """

    name: str
    configured_by: tuple[str, ...] = ()
    makes: str | None = None
    oneshot: bool = False
    used_as: Use | None = field(default=None, compare=False)

    kind: ClassVar[str] = "service"

    @property
    @override
    def claim(self) -> str:
        """Its name."""
        return self.name

    @override
    def differences(self, observed: Observed) -> Iterator[Difference]:
        """It is not there, not running or enabled, older than its configuration, or its file is missing."""
        found = observed.units.get(self.name)
        if found is None or not found.loaded:
            yield self._difference(NOT_THERE, "enabled and running")
            return
        newer = [path for path in self.configured_by if _newer(observed.files.get(path), found.active_since)]
        if self.makes and self.makes not in observed.files:
            yield self._difference(f"{self.makes} not there", "started")
        elif not self.oneshot and found.active != "active":
            yield self._difference(found.active, "running")
        elif not self.oneshot and found.enabled not in ENABLED:
            yield self._difference(found.enabled or "not enabled", "enabled")
        elif newer:
            difference = self._difference(f"older than {', '.join(newer)}", "started anew")
            yield replace(difference, disturbs=self.used_as)

    @override
    def unwatched(self, watched: Watched) -> Iterable[str]:
        paths = (*self.configured_by, *([self.makes] if self.makes else []))
        files = [f"file {path}" for path in paths if not watched.has_file(path)]
        return files if self.name in watched.units else [*files, f"unit {self.name}"]

    @override
    def merged(self, other: Self) -> Self:
        """The same unit after the files of both."""
        if replace(self, configured_by=()) != replace(other, configured_by=()):
            raise Conflict("with different ways to run it")
        files = tuple(dict.fromkeys(self.configured_by + other.configured_by))
        return replace(self, configured_by=files, used_as=self.used_as or other.used_as)

    def _difference(self, found: str, wanted: str) -> Difference:
        mend = Shell(Phase.UNITS, "start", tuple(self._start()), self.name, timeout=180)
        return Difference(self.kind, self.name, found, wanted, mend)

    def _start(self) -> list[str]:
        name = quote(self.name)
        return [
            f'[ "$(systemctl show -p NeedDaemonReload --value {name})" != yes ] || systemctl daemon-reload',
            *([] if self.oneshot else [f"systemctl enable --quiet {name}"]),
            f"systemctl reset-failed {name} 2>/dev/null || true",
            f"systemctl restart {name} || {{ journalctl -u {name} -n 3 -o cat --no-pager >&2; exit 1; }}",
        ]


def _newer(file: FoundFile | None, moment: float | None) -> bool:
    return file is not None and moment is not None and file.modified > moment
