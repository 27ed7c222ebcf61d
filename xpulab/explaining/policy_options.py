"""A host's policy on the command line: `--policy key=value` for any key, and an option for each.

Both are made from the schema: a key that `Policy` gets is an option here, with its docstring as help.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Optional

import typer
from pydantic import ValidationError

from xpulab.inventory.settings import Policy
from xpulab.schema.strict import explain_errors


@dataclass(frozen=True)
class Key:
    """A key of the policy as help shows it: its name, the values it takes and what it means."""

    name: str
    values: str
    meaning: str
    default: str | None

    @property
    def option(self) -> str:
        """The option that sets it, such as `--nvidia-driver`."""
        return "--" + self.name.replace("_", "-")

    @property
    def help(self) -> str:
        """One line for both ways to set it."""
        default = f"; default: {self.default}" if self.default else ""
        return f"{self.meaning.rstrip('.')} ({self.values}{default})"


@cache
def keys() -> tuple[Key, ...]:
    """Every key of the schema, in its order."""
    meanings = _docstrings(Policy)
    schema = Policy.model_json_schema()["properties"]
    return tuple(
        Key(name, _values(said), meanings.get(name, ""), _word(said["default"]))
        for name, said in schema.items()
    )


def with_policy(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for each key in the place of its `**keywords`, for typer to read."""
    signature = inspect.signature(command, eval_str=True)
    own = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
    signature = signature.replace(parameters=[*own, *map(_parameter, keys())])
    command.__signature__ = signature  # type: ignore[attr-defined]
    return command


def _parameter(key: Key) -> inspect.Parameter:
    option = typer.Option(key.option, help=key.help, metavar="VALUE", rich_help_panel="Policy")
    return inspect.Parameter(
        key.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[Optional[str], option],  # noqa: UP045 - typer reads it at run time
    )


def policy_of(pairs: Sequence[str], options: Mapping[str, str | None]) -> Policy:
    """The policy that `--policy key=value` and the options of single keys ask for together.

    Raises typer.BadParameter for a key or a value that the schema does not have, and for a key said twice.
    """
    said = {key: value for key, value in options.items() if value is not None}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"--policy takes key=value, such as prefer=intel (found {pair!r})")
        if key not in Policy.model_fields:
            raise typer.BadParameter(f"policy: {_unknown(key)}")
        if key in said:
            raise typer.BadParameter(f"policy: {key} is said twice ({said[key]!r} and {value!r})")
        said[key] = value
    try:
        return Policy.model_validate(said)
    except ValidationError as error:
        raise typer.BadParameter("; ".join(_mistakes(error))) from error


def _unknown(key: str) -> str:
    names = [each.name for each in keys()]
    near = get_close_matches(key, names, n=1)
    remedy = f"did you mean {near[0]}?" if near else f"it has {', '.join(names)}"
    return f"unknown key {key!r}, {remedy}"


def _mistakes(error: ValidationError) -> list[str]:
    """The schema's own words, with an example where those are a pattern."""
    values = {each.name: each.values for each in keys()}
    return [
        f"{line}: give one {values[str(each['loc'][0])]}"
        if each["type"] == "string_pattern_mismatch"
        else line
        for line, each in zip(explain_errors(error, "policy"), error.errors(), strict=True)
    ]


def _values(schema: Mapping[str, Any]) -> str:
    """What a key takes, from its part of the JSON schema."""
    taken = next(each for each in schema.get("anyOf", (schema,)) if each.get("type") != "null")
    if "enum" in taken:
        *others, last = taken["enum"]
        return f"{', '.join(others)} or {last}"
    if taken["type"] == "boolean":
        return "true or false"
    if "minimum" in taken:
        return f"{taken['minimum']} to {taken['maximum']}"
    return f"such as {taken['examples'][0]}"


def _word(default: Any) -> str | None:
    return str(default).lower() if isinstance(default, bool) else default and str(default)


def _docstrings(model: type) -> dict[str, str]:
    """The docstring below each field of a class. pydantic can read them too, but at every start of a run."""
    (class_,) = ast.parse(inspect.getsource(model)).body
    assert isinstance(class_, ast.ClassDef)
    return {
        field.target.id: " ".join(below.value.value.split())
        for field, below in zip(class_.body, class_.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }
