"""Which of the image's environments runs, and the variables that make it the one in use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench import devices
from workbench.refusal import Refused

ABOUT = Path("etc/xpulab/image.json")


def about_image(root: Path) -> dict[str, Any]:
    """What the image says of itself: its family, and its environments by device."""
    about: dict[str, Any] = json.loads((root / ABOUT).read_text())
    return about


def chosen_device(image: Mapping[str, Any], asked: str | None, root: Path) -> str:
    """The device to use: the one asked for, or the best that is there and that the image serves.

    Raises Refused for an unknown device, one that the image has no environment for, or one that is not there.
    """
    environments = image["environments"]
    there = devices.present(root)
    if not asked:
        return next(device for device in there if device in environments)
    if asked not in ("cuda", "xpu", "cpu"):
        raise Refused(f"XPULAB_DEVICE={asked}: there is no such device, use cuda, xpu or cpu")
    if asked not in there:
        raise Refused(f"XPULAB_DEVICE={asked}, but {devices.missing(asked, root)}")
    if asked not in environments:
        raise Refused(
            f"XPULAB_DEVICE={asked}, but this is a {image['family']} image, with environments for "
            f"{' and '.join(environments)}: use the {asked} or the unified image"
        )
    return asked


def activated(image: Mapping[str, Any], device: str, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables with the device's environment in front; pip keeps the environment's own PyTorch."""
    environment = image["environments"][device]
    path = [
        folder for folder in variables.get("PATH", "").split(":") if not folder.startswith("/opt/xpulab/")
    ]
    return {
        **variables,
        "PATH": ":".join([f"{environment}/bin", *path]),
        "VIRTUAL_ENV": environment,
        "PIP_CONSTRAINT": f"{environment}/constraints.txt",
        "XPULAB_DEVICE": device,
    }
