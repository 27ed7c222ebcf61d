"""apt's preference for what a repository is to bring, where apt would not choose it by itself."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.desired.kinds.file import File
from xpulab.inventory.settings import HostSettings
from xpulab.probing.watched import Watched
from xpulab.roles.templates import file

PATH = "/etc/apt/preferences.d/xpulab-backports.pref"


def preference(name: str, catalog: Catalog) -> tuple[File, ...]:
    """The preference for a repository of the catalog, if it needs one."""
    found = catalog.repositories[name]
    if not found.chosen:
        return ()
    return (file(PATH, "before-packages", packages=found.chosen, suite=found.suite),)


def watched(settings: HostSettings, catalog: Catalog) -> Watched:
    """The preference's file."""
    return Watched(files=(PATH,))
