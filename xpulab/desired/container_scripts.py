"""The shell that switches a container: it checks and tries what it can before the old one is stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from shlex import quote

from xpulab.desired.image_scripts import pull
from xpulab.resolving.target import Image
from xpulab.shell.scripts import script, snippet, write_bytes

PATIENCE_S = 180
SWITCH_TIMEOUT_S = 5 * PATIENCE_S


@dataclass(frozen=True)
class Switch:
    """A container to switch to; `files` are content and mode by path, in the order of the configuration."""

    name: str
    unit: str
    image: Image
    files: Mapping[str, tuple[str, str]]
    launcher: str
    state: str
    configuration: str


def stage(container: Switch) -> str:
    """Put the container's files beside those in force, and let its launcher look whether they could be."""
    staged = f"{container.state}/staged"
    files = [
        write_bytes(staged + path, content.encode(), mode)
        for path, (content, mode) in container.files.items()
    ]
    return script([f"rm -rf {quote(staged)}", *files, _launch(container, "check")])


def fetch(image: Image) -> str:
    """Pull the image unless it is there: a registry that is down keeps no container from starting again."""
    is_there = f"docker image inspect {quote(image.by_digest)} >/dev/null 2>&1"
    return script([f"if {is_there}; then exit 0; fi", pull(image)])


def switch(container: Switch) -> str:
    """Try the image with the staged files, then start it with them, or go back."""
    words = {
        "name": container.name,
        "unit": container.unit,
        "state": container.state,
        "files": " ".join(container.files),
        "image": container.image.by_digest,
        "reference": container.image.reference,
        "configuration": container.configuration,
        "patience": str(PATIENCE_S),
    }
    variables = [f"{name}={quote(value)}" for name, value in words.items()]
    return script([_launch(container, "try"), *variables, snippet("switch_container")])


def _launch(container: Switch, word: str) -> str:
    staged = f"{container.state}/staged"
    return f"XPULAB_ROOT={quote(staged)} {quote(staged + container.launcher)} {word}"
