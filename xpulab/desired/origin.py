"""Where a package has to come from, where several sources have it under one name."""

from __future__ import annotations

from dataclasses import dataclass

from xpulab.desired import record
from xpulab.desired.kinds.apt_repository import AptRepository
from xpulab.probing.observed import Observed

UNKNOWN = "no source in use"


@dataclass(frozen=True)
class Origin:
    """The repository that a package has to come from, and the vendor and channel as a record has them."""

    repository: AptRepository
    vendor: str
    channel: str

    @property
    def words(self) -> str:
        """The origin as a plan names it."""
        return f"{self.repository.uri} {self.repository.suite}"

    def elsewhere(self, package: str, observed: Observed) -> str | None:
        """Where the installed version comes from, if not from here.

        apt no longer knows where a version came from once its source has a newer one alone. Then the record
        of the last finished run decides: it was written after all packages had come from one channel.
        """
        found = observed.origins.get(package, ())
        if not found:
            recorded = record.channel_of(self.vendor, observed)
            return None if recorded == self.channel else (recorded or UNKNOWN)
        suites = {f"{self.repository.suite}/{each}" for each in self.repository.components}
        if any(
            uri.rstrip("/") == self.repository.uri.rstrip("/") and suite in suites for uri, suite in found
        ):
            return None
        return " ".join(found[0])
