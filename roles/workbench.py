"""The workbench: one container with JupyterLab and sshd, which a systemd unit runs with the accelerator."""

from __future__ import annotations

from shlex import quote

from xpulab.catalog.models import Catalog
from xpulab.desired.kinds.container import Container
from xpulab.desired.kinds.file import File
from xpulab.desired.manifest import Manifest
from xpulab.desired.role import Role, Waiting
from xpulab.inventory.settings import HostSettings
from xpulab.probing.watched import Watched, WatchedContainer
from xpulab.resolving.target import Image, Target
from xpulab.resolving.vendors import VENDORS
from xpulab.roles.templates import verbatim
from xpulab.schema.refusal import Refusal
from xpulab.workbench.image import WorkbenchImage, built, image_of
from xpulab.workbench.settings import Workbench

NAME = "xpulab-workbench"
UNIT = f"{NAME}.service"
LAUNCHER = "/usr/local/lib/xpulab/workbench"
CONFIGURATION = "/etc/xpulab/workbench"
STATE = "/var/lib/xpulab/workbench"


def wanted(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest | Refusal | Waiting:
    """The container by its digest, its unit, launcher and configuration; or why it cannot be, or not yet."""
    workbench = settings.section(Workbench)
    if workbench is None:
        return Manifest()
    made = image_of(target, settings, catalog)
    if isinstance(made, Refusal):
        return made
    vendors = target.vendors if made.family == "unified" else (target.vendor,)
    if refusal := _without_device(workbench, vendors, target, made):
        return refusal
    image = built(made, settings)
    if isinstance(image, Waiting):
        return image
    # The launcher makes the container's label of these contents, in this order.
    files = (
        File(f"{CONFIGURATION}/settings", _settings(workbench, vendors, image)),
        File(f"{CONFIGURATION}/users", _users(workbench)),
        verbatim(LAUNCHER, mode="0755"),
        verbatim(f"/etc/systemd/system/{UNIT}"),
    )
    return Manifest((Container(NAME, UNIT, image, files, LAUNCHER, STATE),))


def watched(settings: HostSettings, catalog: Catalog) -> Watched:
    """The container with its unit and files."""
    files = (f"{CONFIGURATION}/*", LAUNCHER, f"/etc/systemd/system/{UNIT}")
    return Watched(files, units=(UNIT,), containers=(WatchedContainer(NAME, UNIT),))


def _without_device(
    workbench: Workbench, vendors: tuple[str, ...], target: Target, made: WorkbenchImage
) -> Refusal | None:
    """A refusal where the inventory wants a device that the host, or the image, does not have."""
    if workbench.device in (None, "cpu") or workbench.device in _devices(vendors):
        return None
    there = ", ".join(each.name for each in target.accelerators) or "no accelerator"
    if workbench.device in _devices(target.vendors):
        return Refusal(
            f"workbench.device is {workbench.device}, and its image is the one for {made.family} alone",
            "set workbench.image: unified, or take workbench.device out of the inventory",
        )
    return Refusal(
        f"workbench.device is {workbench.device}, and this host has {there}",
        "take workbench.device out of the inventory: the workbench uses what is there",
    )


def _devices(vendors: tuple[str, ...]) -> set[str]:
    """What PyTorch calls the accelerators of these vendors."""
    return {VENDORS[each].torch_device for each in vendors if each in VENDORS}


def _settings(workbench: Workbench, vendors: tuple[str, ...], image: Image) -> str:
    """What the launcher reads, as shell."""
    values = {
        "image": image.by_digest,
        "image_needs_kib": int(image.disk_gb * 10**9 / 1024),
        "vendors": " ".join(vendors),
        "device": workbench.device or "",
        "bind": workbench.bind,
        "jupyter_port": workbench.jupyter_port,
        "ssh_port": workbench.ssh_port,
        "network": workbench.network,
        "shm_gb": workbench.shm_gb or "",
    }
    return "".join(f"{name}={quote(str(value))}\n" for name, value in values.items())


def _users(workbench: Workbench) -> str:
    """A line for each key: the user, and the key."""
    return "".join(f"{user} {key}\n" for user, keys in workbench.users.items() for key in keys)


ROLE = Role("workbench", wanted, watched=watched, section=Workbench)
