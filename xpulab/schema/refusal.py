"""Why a host is left as it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """Why a host is left untouched, and what its owner can do."""

    reason: str
    remedy: str
