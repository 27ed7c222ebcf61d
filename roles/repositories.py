"""apt repositories of the catalog, with what the inventory sets differently for them."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.desired.manifest import AptRepository, File
from xpulab.desired.repositories import repository_for
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.target import Target
from xpulab.roles.templates import file


def repository(
    name: str, target: Target, settings: HostSettings, catalog: Catalog, *, channel: str = ""
) -> AptRepository:
    """The repository of that name for the target's system; `channel` fills its suite."""
    return repository_for(target.os, name, settings, catalog, channel=channel)


def preference(name: str, catalog: Catalog) -> tuple[File, ...]:
    """apt's preference for what a repository is to bring, where apt would not choose it by itself."""
    found = catalog.repositories[name]
    if not found.chosen:
        return ()
    path = "/etc/apt/preferences.d/xpulab-backports.pref"
    return (file(path, "before-packages", packages=found.chosen, suite=found.suite),)
