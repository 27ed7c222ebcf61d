"""The workbench images in the lab's registry: a file beside the lab's, written by the run of the builder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import RootModel, ValidationError

from xpulab.inventory.settings import ImageOverride, ImageReference
from xpulab.schema import strict_yaml
from xpulab.schema.strict import explain_errors

NAME = "workbench-images.yml"
HOST_DATA = "workbench_images_file"
"""The key of a host's data that says where the file is, for the builder's run to write it."""
HEADER = "# Written by deploys/workbench_images.py: what it pushed. Hosts pull by these digests.\n"


class DigestsError(Exception):
    """The file is not one that `write` made; the message names it and says what to do."""


class _Digests(RootModel[dict[ImageReference, ImageOverride]]):
    pass


def beside(lab_file: Path) -> Path:
    """Where the digests of a lab stand."""
    return lab_file.with_name(NAME)


def read(path: Path) -> dict[ImageReference, ImageOverride]:
    """Digest and unpacked size of each image by its reference; none where nothing was built yet.

    Raises DigestsError for a file that cannot be understood.
    """
    if not path.exists():
        return {}
    remedy = "remove it and run deploys/workbench_images.py again"
    try:
        return _Digests.model_validate(strict_yaml.parse(path.read_text(encoding="utf-8")) or {}).root
    except (OSError, yaml.YAMLError) as error:
        raise DigestsError(f"{path}: cannot be read ({error}): {remedy}") from error
    except ValidationError as error:
        raise DigestsError("; ".join([*explain_errors(error, str(path), ImageOverride), remedy])) from error


def write(path: Path, images: Mapping[ImageReference, ImageOverride]) -> None:
    """Put the digests down, in one rename."""
    content: dict[str, Any] = {
        reference: image.model_dump(exclude_none=True) for reference, image in sorted(images.items())
    }
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(HEADER + yaml.safe_dump(content, width=200), encoding="utf-8")
    fresh.replace(path)
