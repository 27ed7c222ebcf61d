"""What xpulab knows about vendors: YAML files, checked when they are read.

Which vendors there are is said in resolving/vendors.py, which also reads the catalog that comes with xpulab.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from xpulab.catalog.consistency import contradictions
from xpulab.catalog.facts import VendorFacts
from xpulab.catalog.models import Catalog
from xpulab.schema import strict_yaml

__all__ = ["HERE", "Catalog", "CatalogError", "load_from"]

HERE = Path(__file__).parent
Model = TypeVar("Model", bound=BaseModel)


class CatalogError(Exception):
    """A catalog file is malformed; the message names the file, the entry and the rule."""


def load_from(folder: Path, vendors: Mapping[str, type[VendorFacts]]) -> Catalog:
    """The catalog in a folder of YAML files, with a model for each vendor's. Raises CatalogError."""
    files = {name: folder / f"{name}.yml" for name in Catalog.model_fields if name != "facts"}
    facts = {name: _facts(folder / name, model) for name, model in vendors.items()}
    content = {name: _read(file) for name, file in files.items()}
    catalog = _checked(Catalog, {**content, "facts": facts}, files)
    found = [
        *contradictions(catalog),
        *(each for of in facts.values() for each in of.contradictions(catalog)),
    ]
    if found:
        raise CatalogError("\n".join(found))
    return catalog


def _facts(place: Path, model: type[VendorFacts]) -> VendorFacts:
    """A vendor's facts, from a folder with a file for each field or from one file with a key for each."""
    only = place.with_name(f"{place.name}.yml")
    if only.exists():
        return _checked(model, _read(only), only)
    files = {name: place / f"{name}.yml" for name in model.model_fields}
    return _checked(model, {name: _read(file) for name, file in files.items()}, files)


def _read(file: Path) -> Any:
    try:
        return strict_yaml.parse(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogError(f"{file}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise CatalogError(f"{file}: not YAML as xpulab reads it: {' '.join(str(error).split())}") from error


def _checked(model: type[Model], content: Any, files: Path | Mapping[str, Path]) -> Model:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise CatalogError("\n".join(_mistakes(error, files))) from error


def _mistakes(error: ValidationError, files: Path | Mapping[str, Path]) -> list[str]:
    lines = []
    for each in error.errors():
        entry = [str(part) for part in each["loc"]]
        file = files if isinstance(files, Path) else files[entry.pop(0)]
        rule = "unknown key" if each["type"] == "extra_forbidden" else each["msg"]
        lines.append(f"{file}: {' > '.join(entry) or 'the whole file'}: {rule}")
    return lines
