"""What xpulab knows about vendors: YAML files, checked when they are read."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from xpulab.catalog.consistency import contradictions
from xpulab.catalog.models import Catalog
from xpulab.schema import strict_yaml

__all__ = ["Catalog", "CatalogError", "load", "load_from"]

HERE = Path(__file__).parent


class CatalogError(Exception):
    """A catalog file is malformed; the message names the file, the entry and the rule."""


@lru_cache(maxsize=1)
def load() -> Catalog:
    """The catalog that comes with xpulab."""
    return load_from(HERE)


def load_from(folder: Path) -> Catalog:
    """The catalog in a folder of YAML files. Raises CatalogError for a malformed one."""
    content = {name: _read(folder / f"{name}.yml") for name in Catalog.model_fields}
    try:
        catalog = Catalog.model_validate(content)
    except ValidationError as error:
        raise CatalogError("\n".join(_mistakes(error, folder))) from error
    if found := contradictions(catalog):
        raise CatalogError("\n".join(found))
    return catalog


def _read(file: Path) -> Any:
    try:
        return strict_yaml.parse(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogError(f"{file}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise CatalogError(f"{file}: not YAML as xpulab reads it: {' '.join(str(error).split())}") from error


def _mistakes(error: ValidationError, folder: Path) -> list[str]:
    lines = []
    for each in error.errors():
        file, *entry = (str(part) for part in each["loc"])
        rule = "unknown key" if each["type"] == "extra_forbidden" else each["msg"]
        lines.append(f"{folder / file}.yml: {' > '.join(entry) or 'the whole file'}: {rule}")
    return lines
