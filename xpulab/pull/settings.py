"""The spelling of what an inventory says of pull: signers, time spans, and the address of releases."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from xpulab.schema.identifiers import SshPublicKey

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
