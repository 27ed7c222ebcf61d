"""A host that converges itself: the timer, the script it starts, and whose releases that takes."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.desired.manifest import Manifest, Package, Unit
from xpulab.desired.role import Desired
from xpulab.inventory.settings import HostSettings, Pull
from xpulab.pull.release_format import FIRST_LINE, MOST_BYTES, NAMESPACE
from xpulab.resolving.target import Refusal, Target
from xpulab.roles import desired
from xpulab.roles.templates import file

PACKAGES = ("python3", "openssh-client", "ca-certificates")
SERVICE, TIMER = "/etc/systemd/system/xpulab-pull.service", "/etc/systemd/system/xpulab-pull.timer"
PUSH_LASTS_S = 600
"""So long after the last change from outside a pull leaves the host alone: the push may not be at its end."""


def missing(settings: HostSettings) -> Refusal | None:
    """The refusal of a host whose inventory says nothing of pull."""
    if settings.pull:
        return None
    return Refusal(
        "its inventory says nothing of pull, so it is not to converge itself",
        "add pull with url and signers (docs/pull.md), or run deploys/xpu.py",
    )


def desired_of(name: str) -> Desired:
    """What a host with this name in its lab file is to be, pull included."""

    def with_pull(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
        wanted = desired(target, settings, catalog)
        return wanted + manifest(settings.pull, name) if settings.pull else wanted

    return with_pull


def manifest(pull: Pull, name: str) -> Manifest:
    """The timer, running, and all that its service needs of the host."""
    return Manifest(
        packages=tuple(Package(each) for each in PACKAGES),
        files=(
            file("/etc/xpulab/pull.conf", url=pull.url.rstrip("/"), host=name),
            file("/etc/xpulab/pull-signers", signers=pull.signers, namespace=NAMESPACE),
            file(
                "/usr/local/lib/xpulab/pull",
                mode="0755",
                namespace=NAMESPACE,
                format=FIRST_LINE,
                release_bytes=MOST_BYTES,
                push_lasts=PUSH_LASTS_S,
            ),
            file(SERVICE),
            file(TIMER, every=pull.every, jitter=pull.jitter),
        ),
        units=(Unit("xpulab-pull.timer", configured_by=(SERVICE, TIMER)),),
    )
