"""Models of what a person writes, and their mistakes in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails


class Strict(BaseModel):
    """A model that refuses unknown keys and cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def explain_errors(error: ValidationError, where: str, *models: type[BaseModel]) -> list[str]:
    """One line per mistake: where it stands, what was found, what is allowed.

    `models` are those that were read, whose keys a misspelt one may have meant.
    """
    lines = []
    for each in error.errors():
        key = ".".join(str(part) for part in each["loc"])
        place = f"{where}: {key}" if key else where
        found = "" if each["type"] == "missing" else f" (found {_shorten(each['input'])})"
        unknown = each["type"] == "extra_forbidden"
        message = _unknown_key(str(each["loc"][-1]), models) if unknown else _message(each)
        lines.append(f"{place}: {message}{found}{_near_value(each)}")
    return lines


def _message(error: ErrorDetails) -> str:
    """pydantic's words, without those that speak of Python to somebody who writes YAML."""
    if error["type"] == "model_type":
        return "Input should be a dictionary"
    return error["msg"].removeprefix("Value error, ")


def _unknown_key(key: str, models: tuple[type[BaseModel], ...]) -> str:
    words = [word for model in models for word in _keys(model)]
    near = get_close_matches(key, words, n=1)
    return f"unknown key, did you mean {near[0]}?" if near else "unknown key"


def _near_value(error: ErrorDetails) -> str:
    """What a misspelt value may have meant, where a key takes one of a few."""
    if error["type"] != "literal_error":
        return ""
    allowed = re.findall("'([^']*)'", error["ctx"]["expected"])
    near = get_close_matches(str(error["input"]), allowed, n=1)
    return f", did you mean {near[0]}?" if near else ""


def _keys(model: type[BaseModel]) -> Iterator[str]:
    """The keys of a model and of all models in it."""
    for name, field in model.model_fields.items():
        yield name
        for each in _models_in(field.annotation):
            yield from _keys(each)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from _models_in(each)


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
