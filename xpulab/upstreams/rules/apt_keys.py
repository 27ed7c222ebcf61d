"""Is a pinned key still published, and for how long is it good."""

from __future__ import annotations

from datetime import datetime, timedelta

from pysequoia import Cert

from xpulab.desired.apt_keys import KeyRefused, accepted_keys
from xpulab.desired.kinds.apt_repository import AptRepository
from xpulab.upstreams.finding import Finding
from xpulab.upstreams.web import NoAnswer

KIND = "apt key"


def finding(repository: AptRepository, published: bytes | NoAnswer, now: datetime, days: int) -> Finding:
    """Rotten when it was replaced, withdrawn or revoked or has expired; a warning `days` before that."""
    if isinstance(published, NoAnswer):
        return Finding.without(published, KIND, repository.name)
    try:
        kept = Cert.split_bytes(accepted_keys(published, repository))
    except KeyRefused as error:
        return Finding(KIND, repository.name, "rotten", str(error))
    if revoked := [each.fingerprint.upper() for each in kept if each.is_revoked]:
        return Finding(KIND, repository.name, "rotten", f"{revoked[0]} is revoked")
    endings = [each.expiration for each in kept if each.expiration]
    if not endings:
        return Finding(KIND, repository.name, "sound", "does not expire")
    until = min(endings)
    if until < now:
        return Finding(KIND, repository.name, "rotten", f"expired {until:%Y-%m-%d}")
    soon = until < now + timedelta(days=days)
    return Finding(KIND, repository.name, "warning" if soon else "sound", f"expires {until:%Y-%m-%d}")
