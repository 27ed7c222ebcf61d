"""A lab described in YAML, read into pyinfra hosts. One host's mistake leaves the others usable."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, StringConstraints, ValidationError

from xpulab.inventory import workbench_digests
from xpulab.inventory.settings import (
    HostSettings,
    ImageOverride,
    ImageReference,
    RepositoryOverride,
    Strict,
    UserName,
    explain_errors,
)
from xpulab.resolving.target import Refusal
from xpulab.schema import strict_yaml

HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,252}[A-Za-z0-9])?$")]
Address = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:_-]*$")]


class LabError(Exception):
    """A lab file that cannot be used at all; the message names file, line or key, and what is allowed."""


class _Connection(HostSettings):
    ssh_user: UserName | None = None
    ssh_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    ssh_key: str | None = None
    ssh_known_hosts: str | None = None
    ssh_host_key_checking: Literal["yes", "accept-new"] = "accept-new"


class _Host(_Connection):
    address: Address | None = None


class _LabFile(Strict):
    lab: HostName
    defaults: dict[str, Any] = Field(default_factory=dict)
    hosts: dict[HostName, Any]
    repositories: dict[str, RepositoryOverride] = Field(default_factory=dict)
    images: dict[ImageReference, ImageOverride] = Field(default_factory=dict)


MODELS = (_LabFile, _Host)
OPTIONAL_SECTIONS = ("workbench", "pull")
SECTIONS = ("policy", *OPTIONAL_SECTIONS)


@dataclass(frozen=True)
class Lab:
    """Hosts as pyinfra takes them, and the hosts whose description is wrong."""

    hosts: list[tuple[str, dict[str, Any]]]
    refused: dict[str, Refusal]


def load_lab(path: Path) -> Lab:
    """The lab in a YAML file. Raises LabError where the file as a whole makes no sense."""
    lab = _parse(path)
    try:
        _Connection.model_validate(lab.defaults)
    except ValidationError as error:
        raise LabError("\n".join(explain_errors(error, f"{path}: defaults", *MODELS))) from error
    try:
        built = workbench_digests.read(workbench_digests.beside(path))
    except workbench_digests.DigestsError as error:
        raise LabError(str(error)) from error
    hosts: list[tuple[str, dict[str, Any]]] = []
    refused: dict[str, Refusal] = {}
    for name, said in lab.hosts.items():
        try:
            data = _host_data(name, said, lab, built)
            hosts.append((name, {**data, workbench_digests.HOST_DATA: str(workbench_digests.beside(path))}))
        except ValidationError as error:
            mistakes = "; ".join(explain_errors(error, f"{path}: hosts.{name}", *MODELS))
            refused[name] = Refusal(mistakes, f"correct hosts.{name} in {path}")
    return Lab(hosts, refused)


def _parse(path: Path) -> _LabFile:
    try:
        content = strict_yaml.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LabError(f"{path}: cannot be read ({error.strerror})") from error
    except yaml.YAMLError as error:
        raise LabError(f"{path}: not YAML: {error}") from error
    try:
        return _LabFile.model_validate(content)
    except ValidationError as error:
        raise LabError("\n".join(explain_errors(error, str(path), *MODELS))) from error


def _host_data(
    name: str, said: Any, lab: _LabFile, workbenches: dict[ImageReference, ImageOverride]
) -> dict[str, Any]:
    own = said if said is not None else {}
    if isinstance(own, dict):
        own = {key: value for key, value in own.items() if value is not None or key in OPTIONAL_SECTIONS}
        own = {**lab.defaults, **own, **_sections(lab.defaults, own)}
    host = _Host.model_validate(own)
    connection = {
        "ssh_hostname": host.address or name,
        "ssh_user": host.ssh_user,
        "ssh_port": host.ssh_port,
        "ssh_key": _expanded(host.ssh_key),
        "ssh_known_hosts_file": _expanded(host.ssh_known_hosts),
        "ssh_strict_host_key_checking": host.ssh_host_key_checking,
    }
    settings = {
        "policy": host.policy.model_dump(exclude_unset=True),
        "users": list(host.users),
        "repositories": _overrides({**lab.repositories, **host.repositories}),
        "images": _overrides({**(workbenches if host.workbench else {}), **lab.images, **host.images}),
        "workbench": host.workbench.model_dump(exclude_unset=True, mode="json") if host.workbench else None,
        "pull": host.pull.model_dump(exclude_unset=True, mode="json") if host.pull else None,
    }
    return {key: value for key, value in {**connection, **settings}.items() if value is not None}


def _sections(defaults: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """The sections of which a host need not repeat what it leaves as it is."""
    said = [key for key in SECTIONS if key in defaults and isinstance(own.get(key), dict)]
    return {key: {**(defaults[key] or {}), **own[key]} for key in said}


def _expanded(path: str | None) -> str | None:
    return str(Path(path).expanduser()) if path else None


def _overrides(overrides: dict[str, Any]) -> dict[str, Any]:
    return {name: each.model_dump(exclude_unset=True, mode="json") for name, each in overrides.items()}
