"""What names things beyond doubt, as the inventory and the catalog must spell it."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9A-F]{40}$")]
"""A primary OpenPGP key."""
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
"""A container image."""
