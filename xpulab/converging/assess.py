"""One host from what was observed to what has to be done: resolve, roles, drift. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from xpulab.catalog import Catalog
from xpulab.converging.drift import Difference, drift
from xpulab.desired.role import Desired
from xpulab.inventory.settings import HostSettings, explain_errors
from xpulab.probing.observed import Observed
from xpulab.resolving.resolve import resolve
from xpulab.resolving.target import Refusal, Target


@dataclass(frozen=True)
class Assessment:
    """What a host is to become and what differs, or why it is refused."""

    target: Target | None = None
    refusal: Refusal | None = None
    drift: tuple[Difference, ...] = ()


def settings_of(host: str, data: Mapping[str, Any]) -> HostSettings | Refusal:
    """The settings in a host's inventory data, or a Refusal that names host, key and what is allowed."""
    try:
        return HostSettings.model_validate({key: value for key, value in data.items() if value is not None})
    except ValidationError as error:
        return Refusal("; ".join(explain_errors(error, f"host {host}")), "correct the inventory")


def assess(observed: Observed, settings: HostSettings, catalog: Catalog, desired: Desired) -> Assessment:
    """What to do about one host."""
    refusal = _unusable(observed, settings)
    if refusal:
        return Assessment(refusal=refusal)
    target = resolve(observed, settings, catalog)
    if isinstance(target, Refusal):
        return Assessment(refusal=target)
    manifest = desired(target, settings, catalog)
    if isinstance(manifest, Refusal):
        return Assessment(refusal=manifest)
    return Assessment(target=target, drift=drift(manifest, observed))


def _unusable(observed: Observed, settings: HostSettings) -> Refusal | None:
    strangers = [user for user in settings.users if user not in observed.users]
    if strangers:
        return Refusal(
            f"user {strangers[0]!r} of the inventory does not exist on this host",
            f"create it (adduser {strangers[0]}) or take it out of users",
        )
    try:
        readable = isinstance(json.loads(observed.daemon_json or "{}"), dict)
    except ValueError:
        readable = False
    if not readable:
        return Refusal(
            "/etc/docker/daemon.json is not a JSON object, and xpulab merges into it without losing a key",
            "correct it (docker's own check: dockerd --validate) or remove it",
        )
    return None
