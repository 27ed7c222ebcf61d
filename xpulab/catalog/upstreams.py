"""What `xpulab check-upstreams` needs to know that is no single vendor's."""

from __future__ import annotations

from xpulab.catalog.claims import Ages, KeyExpiry, PackageIndex
from xpulab.catalog.entry import Record


class Upstreams(Record):
    """When an entry is too old, when a key is about to expire, and where the newest PyTorch is told."""

    ages: Ages
    keys: KeyExpiry
    torch: PackageIndex
