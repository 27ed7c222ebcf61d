"""One host from what was observed to what has to be done: resolve, roles, drift. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from xpulab.catalog.models import Catalog
from xpulab.converging.drift import drift
from xpulab.desired.kinds.apt_repository import AptRepository, OwnSources
from xpulab.desired.manifest import Manifest
from xpulab.desired.role import Role, Waiting, sections
from xpulab.desired.state import desired, mistake
from xpulab.desired.thing import Difference
from xpulab.inventory.settings import HostSettings, with_sections
from xpulab.probing.observed import Observed
from xpulab.probing.watched import Watched
from xpulab.resolving.resolve import resolve
from xpulab.resolving.target import Target
from xpulab.schema.refusal import Refusal
from xpulab.schema.strict import explain_errors


@dataclass(frozen=True)
class Assessment:
    """What a host is to become, what differs and what some of its roles wait for, or why it is refused."""

    target: Target | None = None
    refusal: Refusal | None = None
    drift: tuple[Difference, ...] = ()
    waiting: tuple[Waiting, ...] = ()


def settings_of(host: str, data: Mapping[str, Any], roles: Sequence[Role]) -> HostSettings | Refusal:
    """The settings in a host's inventory data, or a Refusal that names host, key and what is allowed."""
    model = with_sections(HostSettings, sections(roles))
    said = {key: data.get(key) for key in model.model_fields}
    try:
        return model.model_validate({key: value for key, value in said.items() if value is not None})
    except ValidationError as error:
        return Refusal("; ".join(explain_errors(error, f"host {host}", model)), "correct the inventory")


def assess(
    observed: Observed,
    settings: HostSettings,
    catalog: Catalog,
    roles: Sequence[Role],
    watched: Watched | None = None,
) -> Assessment:
    """What to do about one host; `watched` is what its probe looked at."""
    target = resolve(observed, settings, catalog)
    if isinstance(target, Refusal):
        return Assessment(refusal=target)
    wanted = desired(roles, target, settings, catalog, watched)
    if isinstance(wanted, Refusal):
        return Assessment(refusal=wanted)
    differences = differences_from(whole(wanted.manifest), observed)
    if isinstance(differences, Refusal):
        return Assessment(refusal=differences)
    return Assessment(target, drift=differences, waiting=wanted.waiting)


def whole(manifest: Manifest) -> Manifest:
    """A manifest with what follows from all of it: which of xpulab's own sources may be there."""
    return Manifest((*manifest.things, OwnSources.of(manifest.of(AptRepository))))


def differences_from(manifest: Manifest, observed: Observed) -> tuple[Difference, ...] | Refusal:
    """What differs between a host and its manifest, or why it cannot be made to be like it."""
    try:
        for thing in manifest.things:
            if refusal := thing.unusable(observed):
                return refusal
        return drift(manifest, observed)
    except Exception as error:  # a kind of thing may be a lab's own
        return mistake("a kind of thing", error)
