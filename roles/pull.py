"""A host that converges itself: the timer, the script it starts, and whose releases that takes."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.desired.kinds.package import Package
from xpulab.desired.kinds.unit import Unit
from xpulab.desired.manifest import Manifest, manifest
from xpulab.desired.role import Role
from xpulab.inventory.settings import HostSettings
from xpulab.probing.watched import Watched
from xpulab.pull.last_pull import FACT
from xpulab.pull.release_format import FIRST_LINE, MOST_BYTES, NAMESPACE
from xpulab.pull.settings import Pull
from xpulab.resolving.target import Target
from xpulab.roles.templates import file

PACKAGES = ("python3", "openssh-client", "ca-certificates")
SCRIPT, CONFIGURATION, SIGNERS = (
    "/usr/local/lib/xpulab/pull",
    "/etc/xpulab/pull.conf",
    "/etc/xpulab/pull-signers",
)
SERVICE, TIMER = "/etc/systemd/system/xpulab-pull.service", "/etc/systemd/system/xpulab-pull.timer"
UNIT = "xpulab-pull.timer"
PUSH_LASTS_S = 600
"""So long after the last change from outside a pull leaves the host alone: the push may not be at its end."""


def wanted(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """The timer, running, and all that its service needs of the host."""
    pull = settings.section(Pull)
    if pull is None:
        return Manifest()
    return manifest(
        (
            *(Package(each) for each in PACKAGES),
            file(CONFIGURATION, url=pull.url.rstrip("/"), host=settings.name_in_lab),
            file(SIGNERS, signers=pull.signers, namespace=NAMESPACE),
            file(
                SCRIPT,
                mode="0755",
                namespace=NAMESPACE,
                format=FIRST_LINE,
                release_bytes=MOST_BYTES,
                push_lasts=PUSH_LASTS_S,
            ),
            file(SERVICE),
            file(TIMER, every=pull.every, jitter=pull.jitter),
            Unit(UNIT, configured_by=(SERVICE, TIMER)),
        )
    )


def watched(settings: HostSettings, catalog: Catalog) -> Watched:
    """Its files and its timer, and what the last pull came to."""
    return Watched(files=(SCRIPT, CONFIGURATION, SIGNERS, SERVICE, TIMER), units=(UNIT,), facts=FACT)


ROLE = Role("pull", wanted, watched=watched, section=Pull)
