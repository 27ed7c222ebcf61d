"""What a run has to do with one host: its settings, the roles that are asked, and what they watch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyinfra.api.host import Host

from xpulab.converging import assess, run
from xpulab.converging.assess import Assessment
from xpulab.desired import own_roles
from xpulab.desired.role import Role, sections
from xpulab.desired.state import watched_by
from xpulab.inventory.labfile import ROLES_FOLDER
from xpulab.inventory.settings import HostSettings, with_sections
from xpulab.probing.observed import Observed
from xpulab.probing.watched import Watched
from xpulab.resolving.vendors import load_catalog
from xpulab.schema.refusal import Refusal


@dataclass(frozen=True)
class Job:
    """A host that may be looked at. `requires` is the role without which the deploy has no purpose."""

    settings: HostSettings
    roles: tuple[Role, ...]
    watched: Watched
    requires: Role | None = None

    def assess(self, observed: Observed) -> Assessment:
        """What to do about the host as it was found."""
        found = assess.assess(observed, self.settings, load_catalog(), self.roles, self.watched)
        if self.requires and found.waiting:
            return Assessment(refusal=Refusal(found.waiting[0].reason, found.waiting[0].remedy))
        return found


def job_of(host: Host, built_in: tuple[Role, ...], requires: Role | None = None) -> Job | Refusal:
    """What is to be done for a host, or why its inventory does not allow it."""
    try:
        roles = own_roles.load(_own_folder(host), built_in)
    except own_roles.RoleError as error:
        return Refusal(str(error), "correct the lab's own roles")
    settings = assess.settings_of(host.name, _data(host, roles), roles)
    if isinstance(settings, Refusal):
        return settings
    if requires and requires.section and settings.section(requires.section) is None:
        return Refusal(
            f"its inventory says nothing of {requires.name}, which this deploy is for",
            f"add {requires.name} (docs/{requires.name}.md), or run deploys/xpu.py",
        )
    watched = watched_by(roles, settings, load_catalog())
    return watched if isinstance(watched, Refusal) else Job(settings, roles, watched, requires)


def _data(host: Host, roles: tuple[Role, ...]) -> dict[str, Any]:
    """What the inventory says of a host; a host that converges itself is @local to pyinfra."""
    said = host.data.dict()  # at once: pyinfra asks every group of the host for each single key
    data = {key: said.get(key) for key in with_sections(HostSettings, sections(roles)).model_fields}
    return {**data, "name_in_lab": data["name_in_lab"] or host.name.removeprefix("@").replace("/", "-")}


def _own_folder(host: Host) -> Path:
    """Where the lab's own roles lie: where the inventory says so, else beside it."""
    said = host.data.get(ROLES_FOLDER)
    if said:
        return Path(said)
    return run.beside_inventory("roles") or Path("roles")
