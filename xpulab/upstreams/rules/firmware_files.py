"""Is the file that a driver loads in a package that the catalog lists: a package's name does not tell."""

from __future__ import annotations

from xpulab.catalog.claims import Firmware
from xpulab.upstreams.apt_indexes import Owners
from xpulab.upstreams.editing import Append
from xpulab.upstreams.finding import Finding
from xpulab.upstreams.web import NoAnswer

KIND = "firmware file"


def finding(firmware: Firmware, owners: Owners | NoAnswer) -> Finding:
    """Whose the file is in the suite that hosts take their firmware from."""
    name = f"{firmware.place} ({firmware.path.rpartition('/')[2]} in {firmware.suite})"
    if isinstance(owners, NoAnswer):
        return Finding.without(owners, KIND, name)
    having = owners.get(firmware.path, ())
    if listed := [package for package in having if package in firmware.packages]:
        return Finding(KIND, name, "sound", f"{firmware.path} is in {listed[0]}")
    if not having:
        return Finding(KIND, name, "rotten", f"no package of {firmware.component} has {firmware.path}")
    detail = f"{firmware.path} is in {' and '.join(having)}, which the catalog does not list"
    return Finding(KIND, name, "rotten", detail, (Append(firmware.place, having[0]),))
