"""apt repositories of the catalog, with what the inventory sets differently for them."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.desired.kinds.apt_repository import AptRepository
from xpulab.inventory.settings import HostSettings, RepositoryOverride


def repository_for(
    system: str, name: str, settings: HostSettings, catalog: Catalog, *, channel: str = ""
) -> AptRepository:
    """The repository of that name for an operating system of the catalog; `channel` fills its suite."""
    found = catalog.repositories[name]
    key = found.key_for(system)
    override = settings.repositories.get(name, RepositoryOverride())
    words = {
        "codename": catalog.operating_systems[system].codename,
        "id": system.partition("-")[0],
        # NVIDIA's name of a system: ubuntu2204, debian12.
        "distribution": system.replace("-", "").replace(".", ""),
    }
    return AptRepository(
        name=name,
        key_url=(override.key_url or key.key_url).format(**words),
        fingerprints=override.fingerprints or key.fingerprints,
        uri=(override.uri or found.uri).format(**words),
        suite=found.suite.format(channel=channel, **words),
        components=found.components,
    )
