"""A lab described in YAML, read into pyinfra hosts. One host's mistake leaves the others usable."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, StringConstraints, ValidationError

from xpulab import strict_yaml
from xpulab.lab import (
    HostSettings,
    ImageOverride,
    ImageReference,
    RepositoryOverride,
    Strict,
    UserName,
    explain_errors,
)
from xpulab.target import Refusal

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
    hosts: list[tuple[str, dict[str, Any]]] = []
    refused: dict[str, Refusal] = {}
    for name, said in lab.hosts.items():
        try:
            hosts.append((name, _host_data(name, said, lab)))
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


def _host_data(name: str, said: Any, lab: _LabFile) -> dict[str, Any]:
    own = said if said is not None else {}
    if isinstance(own, dict):
        policy = {**_mapping(lab.defaults.get("policy")), **_mapping(own.get("policy"))}
        if isinstance(own.get("pull"), dict):
            own = {**own, "pull": {**_mapping(lab.defaults.get("pull")), **own["pull"]}}
        own = {**lab.defaults, **own, **({"policy": policy} if policy else {})}
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
        "images": _overrides({**lab.images, **host.images}),
        "pull": host.pull.model_dump(exclude_unset=True, mode="json") if host.pull else None,
    }
    return {key: value for key, value in {**connection, **settings}.items() if value is not None}


def _expanded(path: str | None) -> str | None:
    return str(Path(path).expanduser()) if path else None


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _overrides(overrides: dict[str, Any]) -> dict[str, Any]:
    return {name: each.model_dump(exclude_unset=True, mode="json") for name, each in overrides.items()}
