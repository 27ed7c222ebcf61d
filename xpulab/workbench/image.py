"""The workbench image of a host: its reference, build context and labels. Pure but for reading templates."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from xpulab.catalog.models import Catalog
from xpulab.catalog.workbench import REPOSITORY
from xpulab.desired.role import Waiting
from xpulab.desired.templates import TEMPLATES, environment
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.target import Image, Target
from xpulab.schema.refusal import Refusal
from xpulab.workbench.recipe import Family, Recipe, recipe_for
from xpulab.workbench.settings import Workbench

HERE = TEMPLATES / "workbench"
XPUDEVICE = TEMPLATES.parent / "xpudevice"


@dataclass(frozen=True)
class WorkbenchImage:
    """An image that a lab's builder makes; `context` maps a path to what the file holds."""

    family: Family
    base: str
    torch: str
    reference: str
    context: Mapping[str, bytes]
    labels: Mapping[str, str]


def image_of(target: Target, settings: HostSettings, catalog: Catalog) -> WorkbenchImage | Refusal:
    """The workbench image of a host. The same content has the same reference, whichever host asks for it."""
    workbench = settings.section(Workbench)
    if workbench is None:
        return Refusal(
            "the inventory says nothing of a workbench for this host",
            "set workbench, with a registry and users, in defaults or at the host",
        )
    recipe = recipe_for(target, settings, catalog)
    return recipe if isinstance(recipe, Refusal) else _image(recipe, workbench.registry)


def built(image: WorkbenchImage, settings: HostSettings) -> Image | Waiting:
    """The image as hosts pull it, by the digest that the builder's run wrote down."""
    known = settings.images.get(image.reference)
    if known is None or known.digest is None:
        return Waiting(
            f"the workbench image {image.reference} is not built",
            "run pyinfra inventory.py deploys/workbench_images.py (some host needs workbench.builder: true)",
        )
    return Image(image.reference, known.digest, known.disk_gb or 0)


def archive(context: Mapping[str, bytes]) -> bytes:
    """A build context as `docker build` reads it; the same context gives the same bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, content in sorted(context.items()):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o755 if content.startswith(b"#!") else 0o644
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)


@lru_cache(maxsize=64)
def _image(recipe: Recipe, registry: str) -> WorkbenchImage:
    labels = {
        "org.opencontainers.image.title": f"xpulab workbench, {recipe.family}",
        "org.opencontainers.image.version": recipe.torch,
        "org.opencontainers.image.base.name": recipe.base,
        **({"org.opencontainers.image.base.digest": recipe.base_digest} if recipe.base_digest else {}),
        "org.xpulab.family": recipe.family,
        "org.xpulab.torch": ", ".join(each.torch for each in recipe.environments),
        "org.xpulab.why": recipe.why,
    }
    context = _context(recipe, labels)
    content = hashlib.sha256(archive(context)).hexdigest()[:12]
    reference = f"{registry}/{REPOSITORY}:{recipe.family}-torch{recipe.torch}-{content}"
    return WorkbenchImage(recipe.family, recipe.base, recipe.torch, reference, context, labels)


def _context(recipe: Recipe, labels: Mapping[str, str]) -> dict[str, bytes]:
    lists = ["jupyter", "build", *{"torch" if each.index else "kernel" for each in recipe.environments}]
    values = {
        "family": recipe.family,
        "base": f"{recipe.base}@{recipe.base_digest}" if recipe.base_digest else recipe.base,
        "environments": recipe.environments,
        "packages": recipe.packages,
        "level_zero": recipe.level_zero,
        "labels": [f"{name}={_quoted(value)}" for name, value in labels.items()],
    }
    rendered = ["Dockerfile", *([recipe.level_zero.file] if recipe.level_zero else [])]
    return {
        **{name: _rendered(name, values) for name in rendered},
        **{f"requirements/{name}.txt": _fixed(HERE / f"requirements/{name}.txt") for name in lists},
        **{f"build/{name}": _fixed(HERE / "build" / name) for name in _scripts(recipe)},
        **dict(_files(HERE / "root", "root/")),
        **dict(_files(XPUDEVICE / "src", "xpudevice/src/")),
        **{f"xpudevice/{name}": _fixed(XPUDEVICE / name) for name in ("pyproject.toml", "README.md")},
        "pip.conf": _fixed(HERE / "pip.conf"),
        "image.json": _about(recipe),
    }


def _scripts(recipe: Recipe) -> list[str]:
    """The programs of build/ that this image's Dockerfile runs; another one's change is not this one's."""
    over_base = any(each.index is None for each in recipe.environments)
    needed = {"extend-python": over_base, "trust-keys": recipe.level_zero is not None}
    return [*(name for name, wanted in needed.items() if wanted), "make-account", "list-contents"]


def _about(recipe: Recipe) -> bytes:
    """What the entry point must know; on a CPU, a GPU's environment computes as well."""
    paths = {each.device: each.path for each in recipe.environments}
    content = {
        "family": recipe.family,
        "torch": recipe.torch,
        "environments": {**paths, "cpu": paths.get("cpu", recipe.environments[0].path)},
    }
    return json.dumps(content, indent=2).encode() + b"\n"


def _quoted(value: str) -> str:
    """A label's value as a Dockerfile takes it, in which a dollar sign would begin a variable."""
    return json.dumps(value, ensure_ascii=False).replace("$", r"\$")


def _rendered(name: str, values: Mapping[str, Any]) -> bytes:
    return environment().get_template(f"workbench/{name}.j2").render(**values).encode()


def _files(folder: Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            yield f"{prefix}{file.relative_to(folder)}", _fixed(file)


@lru_cache(maxsize=256)
def _fixed(file: Path) -> bytes:
    return file.read_bytes()
