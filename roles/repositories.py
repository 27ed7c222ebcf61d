"""apt repositories of the catalog, with what the inventory sets differently for them."""

from __future__ import annotations

from roles.templates import file
from xpulab.catalog.models import Catalog
from xpulab.lab import HostSettings, RepositoryOverride
from xpulab.manifest import AptRepository, File
from xpulab.target import Target


def repository(
    name: str, target: Target, settings: HostSettings, catalog: Catalog, *, channel: str = ""
) -> AptRepository:
    """The repository of that name for the target's system; `channel` fills its suite."""
    found = catalog.repositories[name]
    override = settings.repositories.get(name, RepositoryOverride())
    system = {
        "codename": catalog.operating_systems[target.os].codename,
        "id": target.os.partition("-")[0],
        # NVIDIA's name of a system: ubuntu2204, debian12.
        "distribution": target.os.replace("-", "").replace(".", ""),
    }
    return AptRepository(
        name=name,
        key_url=override.key_url or found.key_url.format(**system),
        fingerprints=override.fingerprints or found.fingerprints,
        uri=override.uri or found.uri.format(**system),
        suite=found.suite.format(channel=channel, **system),
        components=found.components,
    )


def preference(name: str, catalog: Catalog) -> tuple[File, ...]:
    """apt's preference for what a repository is to bring, where apt would not choose it by itself."""
    found = catalog.repositories[name]
    if not found.chosen:
        return ()
    path = "/etc/apt/preferences.d/xpulab-backports.pref"
    return (file(path, "before-packages", packages=found.chosen, suite=found.suite),)
