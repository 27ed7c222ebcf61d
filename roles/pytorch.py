"""The PyTorch image of the host, and the record of what the host is."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.desired import record
from xpulab.desired.kinds.file import File
from xpulab.desired.kinds.image import PulledImage
from xpulab.desired.manifest import Manifest, manifest
from xpulab.desired.role import Role
from xpulab.inventory.settings import HostSettings
from xpulab.probing.watched import Watched
from xpulab.resolving.target import Target


def wanted(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """The image pulled, and the target written down for users, scripts and the verification."""
    return manifest((PulledImage(target.image), File(record.PATH, record.text(target))))


def watched(settings: HostSettings, catalog: Catalog) -> Watched:
    """The record; images are always looked at."""
    return Watched(files=(record.PATH,), contents=(record.PATH,))


ROLE = Role("pytorch", wanted, watched=watched)
