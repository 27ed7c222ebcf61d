"""What names things beyond doubt, as the inventory and the catalog must spell it."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9A-F]{40}$")]
"""A primary OpenPGP key."""
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
"""A container image."""

_SSH_KEY = re.compile(
    r"(?P<kind>(sk-)?(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521))(@openssh\.com)?)"
    r" (?P<fields>[A-Za-z0-9+/]+=*)( [ -~]*)?"
)


def _whole_ssh_key(key: str) -> str:
    """A key that was cut off when it was copied is found here, and not at the login."""
    found = _SSH_KEY.fullmatch(key)
    if not found or not _is_whole(found["kind"].encode(), found["fields"]):
        raise PydanticCustomError("ssh_key", "no whole ssh public key: copy the line of the .pub file again")
    return key


def _is_whole(kind: bytes, encoded: str) -> bool:
    """Whether a key's fields, each led by its length (RFC 4253), fill it; the first is its type."""
    try:
        rest = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return False
    fields = []
    while len(rest) >= 4:
        end = 4 + int.from_bytes(rest[:4], "big")
        fields.append(rest[4:end])
        if end > len(rest):
            return False
        rest = rest[end:]
    return not rest and len(fields) > 1 and fields[0] == kind


SshPublicKey = Annotated[str, AfterValidator(_whole_ssh_key)]
"""One line of an ssh client's .pub file, without options."""
