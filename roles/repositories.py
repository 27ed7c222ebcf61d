"""apt repositories of the catalog, with what the inventory sets differently for them."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.lab import HostSettings, RepositoryOverride
from xpulab.manifest import AptRepository


def repository(
    name: str, settings: HostSettings, catalog: Catalog, *, codename: str = "", channel: str = ""
) -> AptRepository:
    """The repository of that name; `codename` and `channel` fill its suite."""
    found = catalog.repositories[name]
    override = settings.repositories.get(name, RepositoryOverride())
    return AptRepository(
        name=name,
        key_url=override.key_url or found.key_url,
        fingerprints=override.fingerprints or found.fingerprints,
        uri=override.uri or found.uri,
        suite=found.suite.format(codename=codename, channel=channel),
        components=found.components,
    )
