"""A role: one purpose of a host, with all that has to be known of it in one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xpulab.catalog.models import Catalog
from xpulab.desired.manifest import Manifest
from xpulab.inventory.settings import HostSettings, Sections
from xpulab.probing.watched import Watched
from xpulab.resolving.target import Target
from xpulab.schema.refusal import Refusal
from xpulab.schema.strict import Strict


@dataclass(frozen=True)
class Waiting:
    """What a role waits for, and what brings it: the host gets everything else in the meantime."""

    reason: str
    remedy: str


def _watches_nothing(settings: HostSettings, catalog: Catalog) -> Watched:
    return Watched()


@dataclass(frozen=True)
class Role:
    """One purpose of a host.

    `manifest` says what a host must have for it, or why it cannot, or what it waits for; it is asked only
    where `applies`. `watched` says what the probe has to look at: it is asked before the host is known, of
    every host, so that what a role no longer wants can be seen, too. `section` is the model of what an
    inventory says to the role, under its name: a role that has one applies only where the inventory has it.
    """

    name: str
    manifest: Callable[[Target, HostSettings, Catalog], Manifest | Refusal | Waiting]
    applies: Callable[[Target, HostSettings, Catalog], bool] | None = None
    watched: Callable[[HostSettings, Catalog], Watched] = _watches_nothing
    section: type[Strict] | None = None

    def is_for(self, target: Target, settings: HostSettings, catalog: Catalog) -> bool:
        """Whether the role has anything to do with a host."""
        if self.section and settings.section(self.section) is None:
            return False
        return self.applies is None or self.applies(target, settings, catalog)


def sections(roles: Sequence[Role]) -> Sections:
    """The models of the roles' sections, by role."""
    return {role.name: role.section for role in roles if role.section}
