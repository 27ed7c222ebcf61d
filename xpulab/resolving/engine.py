"""Which container engine a host gets: the policy's, the one that is there, or the catalog's first."""

from __future__ import annotations

from fnmatch import fnmatchcase

from xpulab.catalog.models import Catalog
from xpulab.inventory.settings import Policy
from xpulab.probing.observed import Observed
from xpulab.resolving.reason import Reason
from xpulab.schema.refusal import Refusal


def choose(observed: Observed, policy: Policy, catalog: Catalog) -> Reason | Refusal:
    """The engine, by its name in the catalog, as the reason's answer.

    An engine that is there is kept. Where another one would have to go, or where a cluster's agent runs, what
    runs on the host may need what is there: the inventory has to name the engine.
    """
    if policy.engine:
        return _reason(policy.engine, "policy asks for it", catalog)
    for name, engine in catalog.docker.items():
        if engine.packages[0] in observed.packages:
            return _reason(name, "it is there, and policy names none", catalog)
    name, engine = next(iter(catalog.docker.items()))
    others = " or ".join(catalog.docker)
    unit = next((each for each in catalog.clusters.units if _is_there(each, observed)), None)
    if unit:
        return Refusal(
            reason=f"this host is a node of a cluster ({unit}) and has no container engine that xpulab knows",
            remedy=f"set policy engine to {others} for it, or leave this host out",
        )
    displaces = engine.on(observed.os).displaces
    displaced = [each for each in observed.packages if any(fnmatchcase(each, one) for one in displaces)]
    if displaced:
        return Refusal(
            reason=f"{', '.join(sorted(displaced))} would have to go for {name}, and may be in use",
            remedy=f"set policy engine to {others}, which takes away what cannot stand beside it",
        )
    return _reason(name, "the default, as the host has no engine", catalog)


def _reason(name: str, rule: str, catalog: Catalog) -> Reason:
    return Reason("containers", name, rule, catalog.docker[name])


def _is_there(unit: str, observed: Observed) -> bool:
    return unit in observed.units and observed.units[unit].loaded
