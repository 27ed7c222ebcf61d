"""The PyTorch image of the host, and the record of what the host is."""

from __future__ import annotations

import json
from dataclasses import asdict

from xpulab.catalog.models import Catalog
from xpulab.desired.manifest import File, Manifest
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.target import Driver, Target

RECORD = "/etc/xpulab/host.json"


def manifest(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """The image pulled, and the target written down for users, scripts and the verification."""
    image = target.image
    return Manifest(
        images=(image,),
        files=(File(RECORD, record(target, settings)),),
    )


def record(target: Target, settings: HostSettings) -> str:
    """The target as JSON: vendor, os, accelerators, driver or null, second vendor, engine, image, notes."""
    content = {
        "vendor": target.vendor,
        "os": target.os,
        "accelerators": [asdict(accelerator) for accelerator in target.accelerators],
        "driver": _driver(target.driver) if target.driver else None,
        "beside": {"vendor": beside.vendor, "driver": _driver(beside.driver)}
        if (beside := target.beside)
        else None,
        "engine": settings.policy.engine,
        "image": {"reference": target.image.reference, "digest": target.image.digest},
        "notes": list(target.notes),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _driver(driver: Driver) -> dict[str, str]:
    """Branch or channel and flavour, and which source it comes from where there is more than one."""
    source = {"source": driver.source} if driver.source else {}
    return {"branch": driver.branch, "modules": driver.modules, **source}
