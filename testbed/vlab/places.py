"""Where the testbed keeps things, and what its Docker objects are called."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "testbed"
BUILDER = SOURCES / "vlab"
STATE = ROOT / ".testbed"

CACHE = STATE / "cache"
STAMPS = STATE / "stamps"
KEYS = STATE / "keys"
DEBS = STATE / "debs"
WWW = STATE / "www"
ROTTEN = STATE / "rotten"
REGISTRY = STATE / "registry"
LAB_REGISTRY = STATE / "lab-registry"
HOST_CONFIGS = STATE / "hosts"
FACTS = STATE / "facts.json"
KNOWN_HOSTS = STATE / "known_hosts"
CLIENT_KEY = STATE / "id_ed25519"

NETWORK = "xpulab"
UPSTREAM = "xpulab-upstream"
UPSTREAM_IMAGE = "xpulab-testbed/upstream"
LABEL = "org.xpulab.testbed"
CLONE_LABEL = "org.xpulab.testbed.clone"


def labels() -> list[str]:
    """Return the docker options that mark an object as this clone's."""
    return ["--label", f"{LABEL}=1", "--label", f"{CLONE_LABEL}={ROOT}"]


def container_name(host: str) -> str:
    """Return the name of the container that plays `host`."""
    return f"xpulab-{host}"


def volume_name(host: str) -> str:
    """Return the name of the volume below the host's /var/lib/docker."""
    return f"xpulab-{host}-docker"


def host_image(os: str, kernel: str) -> str:
    """Return the repository of the image for hosts with `os` that start on `kernel`."""
    # Docker allows no plus sign; the Vagrantfile does the same.
    return f"xpulab-testbed/host-{os}-{kernel.replace('+', '-')}"
