"""What the catalog knows of one vendor, whichever it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from xpulab.catalog.claims import Claims
from xpulab.catalog.entry import Record

if TYPE_CHECKING:
    from xpulab.catalog.models import Catalog


class VendorFacts(Record):
    """A vendor's part of the catalog: each field is a file of its folder, or a key of its only file."""

    def contradictions(self, catalog: Catalog) -> Iterator[str]:
        """One line per rule that the facts break among themselves or against the rest: file, entry, rule."""
        yield from ()

    def on(self, day: date) -> VendorFacts:
        """The facts as they stand on a day: what has an end of life may have passed it."""
        return self

    def claims(self) -> Claims:
        """What of the facts the vendor's servers can contradict."""
        return Claims()

    @property
    def daemons(self) -> tuple[str, ...]:
        """Processes that hold the vendor's devices for everybody: nobody's work ends with them."""
        return ()

    @property
    def never_unattended(self) -> tuple[str, ...]:
        """Package name prefixes that unattended-upgrades must leave alone."""
        return ()
