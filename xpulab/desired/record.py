"""The record of what a host is: written for users, scripts and verification, and read by the next look.

One writer and one reader, so that both know its keys.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from xpulab.probing.observed import Observed
from xpulab.resolving.target import Driver, Target

PATH = "/etc/xpulab/host.json"


def text(target: Target) -> str:
    """The target as JSON: vendor, os, accelerators, driver or null, second vendor, engine, image, notes."""
    content = {
        "vendor": target.vendor,
        "os": target.os,
        "accelerators": [asdict(accelerator) for accelerator in target.accelerators],
        "driver": _driver(target.driver) if target.driver else None,
        "beside": {"vendor": beside.vendor, "driver": _driver(beside.driver)}
        if (beside := target.beside)
        else None,
        "engine": target.engine,
        "image": {"reference": target.image.reference, "digest": target.image.digest},
        "notes": list(target.lasting_notes),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def channel_of(vendor: str | None, observed: Observed) -> str | None:
    """The branch or channel of a vendor's driver that the last finished run wrote down, None without one.

    dpkg does not say where a package came from. The record is written after the packages, so a run that was
    cut off before leaves the old one.
    """
    try:
        host = json.loads(observed.contents.get(PATH, "{}"))
        drivers = [each["driver"] for each in _drivers(host) if each.get("vendor") == vendor]
        return str(drivers[0]["branch"]) if drivers else None
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return None


def _drivers(host: Any) -> Iterator[Any]:
    yield host
    yield host.get("beside") or {}


def _driver(driver: Driver) -> dict[str, str]:
    """Branch or channel and flavour, and which source it comes from where there is more than one."""
    source = {"source": driver.source} if driver.source else {}
    return {"branch": driver.branch, "modules": driver.modules, **source}
