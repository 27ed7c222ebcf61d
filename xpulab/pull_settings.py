"""The spelling of what an inventory says of pull: signers, time spans, and the address of releases."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
SHORTEST_INTERVAL_S = 60
SIGNER = re.compile(
    r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-ssh-ed25519@openssh\.com"
    r"|sk-ecdsa-sha2-nistp256@openssh\.com) ([A-Za-z0-9+/]+={0,2})(?: [ -~]*)?"
)


def seconds(span: str) -> int:
    """The length of a time span such as `1h`."""
    return int(span[:-1]) * SECONDS[span[-1]]


def _public_key(text: str) -> str:
    """The key without its comment. Raises ValueError for anything but one whole ssh public key."""
    found = SIGNER.fullmatch(text)
    if not found:
        raise ValueError("must be one ssh public key (ed25519, ecdsa, rsa or sk), as in a .pub file")
    try:
        blob = base64.b64decode(found[2], validate=True)
    except binascii.Error as error:
        raise ValueError(f"is not a whole ssh public key: {error}") from error
    name = found[1].encode()
    if not blob.startswith(len(name).to_bytes(4, "big") + name):
        raise ValueError(f"is not a whole ssh public key: its data is not that of {found[1]}")
    return f"{found[1]} {found[2]}"


def _not_too_often(span: str) -> str:
    if seconds(span) < SHORTEST_INTERVAL_S:
        raise ValueError(f"must be at least {SHORTEST_INTERVAL_S} seconds")
    return span


Span = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}[smhd]$")]
Interval = Annotated[Span, AfterValidator(_not_too_often)]
Signer = Annotated[str, AfterValidator(_public_key)]
FolderUrl = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9._:/~%+-]+$")]
