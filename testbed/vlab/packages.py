"""Read the stand-in packages of testbed/packages/*.yml.

Each file sets fields that its packages share, may name `axes` (lists of variables), and lists packages; a
package that is `over` some axes stands for one package per combination. `@variable@` is replaced in every
string, payload files included.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from vlab.command import TestbedError
from vlab.places import SOURCES

PACKAGES = SOURCES / "packages"
PAYLOAD = SOURCES / "payload"

RELATIONS = ("Depends", "Pre-Depends", "Recommends", "Conflicts", "Breaks", "Replaces", "Provides")
SCRIPTS = ("postinst", "prerm", "postrm")


@dataclass(frozen=True)
class Package:
    """One deb to build."""

    name: str
    version: str
    repository: str
    component: str
    suites: list[str]
    summary: str
    architecture: str = "amd64"
    relations: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    scripts: dict[str, str] = field(default_factory=dict)
    repack: list[str] = field(default_factory=list)

    @property
    def filename(self) -> str:
        """Return the deb's file name, which unlike its version holds no epoch."""
        return f"{self.name}_{self.version.split(':')[-1]}_{self.architecture}.deb"


def load_packages(*files: Path) -> list[Package]:
    """Read the stand-in packages of these files, or of all."""
    return [package for path in files or sorted(PACKAGES.glob("*.yml")) for package in _read(path)]


def _read(path: Path) -> list[Package]:
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    axes = document.pop("axes", {})
    shared = {key: value for key, value in document.items() if key != "packages"}
    packages = []
    for raw in document["packages"]:
        entry = {**shared, **raw}
        for combination in itertools.product(*(axes[axis] for axis in entry.pop("over", []))):
            variables = {key: str(value) for values in combination for key, value in values.items()}
            packages.append(_package(entry, variables, path))
    return packages


def _package(entry: dict[str, Any], variables: dict[str, str], path: Path) -> Package:
    name, version = (_fill_text(entry[key], variables, path) for key in ("name", "version"))
    variables = {
        **variables,
        "name": name,
        "version": version,
        "upstream_version": re.sub(r"-[^-]*$", "", version),
    }
    own = {key: _fill(value, variables, path) for key, value in entry.items()}
    texts = {target: _text(source, variables, path) for target, source in own.get("files", {}).items()}
    return Package(
        name=name,
        version=version,
        repository=own["repository"],
        component=own.get("component", ""),
        suites=own.get("suites", []),
        summary=own.get("summary", name),
        architecture=own.get("architecture", "amd64"),
        relations={field: ", ".join(own[field.lower()]) for field in RELATIONS if own.get(field.lower())},
        files=texts,
        links=own.get("links", {}),
        scripts={script: _text(own[script], variables, path) for script in SCRIPTS if script in own},
        repack=own.get("repack", []),
    )


def _text(source: str, variables: dict[str, str], path: Path) -> str:
    """Return a payload file's text, or `source` itself when it is a text of several lines or of none."""
    if "\n" in source or not source:
        return _fill_text(source, variables, path)
    return _fill_text((PAYLOAD / source).read_text(), variables, path)


def _fill(value: Any, variables: dict[str, str], path: Path) -> Any:
    if isinstance(value, str):
        # Payload texts are filled later, when the package's own name and version are known.
        return value if "\n" in value else _fill_text(value, variables, path)
    if isinstance(value, list):
        return [_fill(item, variables, path) for item in value]
    if isinstance(value, dict):
        return {_fill(key, variables, path): _fill(item, variables, path) for key, item in value.items()}
    return value


def _fill_text(text: str, variables: dict[str, str], path: Path) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in variables:
            known = ", ".join(sorted(variables))
            raise TestbedError(f"{path}: @{match[1]}@ is not a variable here; there are {known}")
        return variables[match[1]]

    return re.sub(r"@([a-z0-9_]+)@", value, text)
