"""What an inventory says of a host that converges itself."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from xpulab.schema.identifiers import SshPublicKey
from xpulab.schema.strict import Strict

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
SHORTEST_INTERVAL_S = 60


def seconds(span: str) -> int:
    """The length of a time span such as `1h`."""
    return int(span[:-1]) * SECONDS[span[-1]]


def without_comment(public_key: str) -> str:
    """The type and the data of an ssh public key, which is all that makes it the same key."""
    return " ".join(public_key.split()[:2])


def _not_too_often(span: str) -> str:
    if seconds(span) < SHORTEST_INTERVAL_S:
        raise ValueError(f"must be at least {SHORTEST_INTERVAL_S} seconds")
    return span


Span = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}[smhd]$")]
Interval = Annotated[Span, AfterValidator(_not_too_often)]
Signer = Annotated[SshPublicKey, AfterValidator(without_comment)]
FolderUrl = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9._:/~%+-]+$")]


class Pull(Strict):
    """How a host that converges itself gets its releases."""

    url: FolderUrl
    """The folder with the files that `xpulab release` makes."""
    signers: Annotated[tuple[Signer, ...], Field(min_length=1)]
    """ssh public keys: a release signed by one of them is taken, and no other."""
    every: Interval = "1h"
    """From the start of one pull to the start of the next."""
    jitter: Span = "15m"
    """Each host waits a part of this longer, always the same, so that not all of them come at once."""

    @property
    def stale_after_s(self) -> int:
        """The age from which on a host's last result means that it no longer pulls."""
        return 3 * (seconds(self.every) + seconds(self.jitter))
