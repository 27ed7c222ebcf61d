"""A lab described in YAML, read into pyinfra hosts. One host's mistake leaves the others usable."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from xpulab.inventory import workbench_digests
from xpulab.inventory.settings import (
    HostName,
    HostSettings,
    ImageOverride,
    ImageReference,
    RepositoryOverride,
    Sections,
    UserName,
    with_sections,
)
from xpulab.schema import strict_yaml
from xpulab.schema.refusal import Refusal
from xpulab.schema.strict import Strict, explain_errors

Address = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:_-]*$")]


def _expanded(path: str) -> str:
    """The path with `~` resolved. Raises ValueError where it names nobody's home, or is no path."""
    if not path.isprintable():
        raise ValueError("holds a character that no path needs")
    try:
        return str(Path(path).expanduser())
    except RuntimeError as error:
        raise ValueError("there is no such user on this machine") from error


def _word(said: Any) -> Any:
    """YAML reads a plain `yes` as true."""
    return "yes" if said is True else said


FileHere = Annotated[str, AfterValidator(_expanded)]
"""A file on the control node."""
ROLES_FOLDER = "roles_folder"
"""The key of a host's data that says where the lab's own roles lie."""


class LabError(Exception):
    """A lab file that cannot be used at all; the message names file, line or key, and what is allowed."""


class _Connection(HostSettings):
    ssh_user: UserName | None = None
    ssh_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    ssh_key: FileHere | None = None
    ssh_known_hosts: FileHere | None = None
    ssh_host_key_checking: Annotated[Literal["yes", "accept-new"], BeforeValidator(_word)] = "accept-new"

    @model_validator(mode="before")
    @classmethod
    def _named_by_its_key(cls, said: Any) -> Any:
        if isinstance(said, dict) and "name_in_lab" in said:
            raise PydanticCustomError("named", "name_in_lab is the key under hosts, and stands nowhere else")
        return said


class _Host(_Connection):
    address: Address | None = None


def takes(name: str) -> bool:
    """Whether a host's description is free to have a section of this name."""
    return name not in _Host.model_fields and not hasattr(_Host, name)


class _LabFile(Strict):
    lab: HostName
    roles: str | None = None
    defaults: dict[str, Any] = Field(default_factory=dict)
    hosts: dict[HostName, Any]
    repositories: dict[str, RepositoryOverride] = Field(default_factory=dict)
    images: dict[ImageReference, ImageOverride] = Field(default_factory=dict)


@dataclass(frozen=True)
class Lab:
    """Hosts as pyinfra takes them, and the hosts whose description is wrong."""

    hosts: list[tuple[str, dict[str, Any]]]
    refused: dict[str, Refusal]


@dataclass(frozen=True)
class LabText:
    """A lab file that is one, before what it says of hosts is read."""

    path: Path
    content: _LabFile

    @property
    def roles(self) -> Path:
        """Where the lab's own roles lie, which need not be there. Raises LabError for no path."""
        try:
            return self.path.parent / _expanded(self.content.roles or "roles")
        except ValueError as error:
            raise LabError(f"{self.path}: roles: {error}") from error


def read(path: Path) -> LabText:
    """The text of a lab file. Raises LabError where the file as a whole makes no sense."""
    try:
        content = strict_yaml.parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else f"it is not UTF-8: {error}"
        raise LabError(f"{path}: cannot be read ({why})") from error
    except (yaml.YAMLError, ValueError) as error:
        raise LabError(f"{path}: not YAML: {error}") from error
    try:
        return LabText(path, _LabFile.model_validate(content))
    except ValidationError as error:
        raise LabError("\n".join(explain_errors(error, str(path), _LabFile))) from error


def hosts_of(text: LabText, sections: Sections) -> Lab:
    """The hosts of a lab, for roles with these sections. Raises LabError for mistakes in its defaults."""
    path, lab = text.path, text.content
    try:
        _connection(sections).model_validate(lab.defaults)
    except ValidationError as error:
        models = (_LabFile, _connection(sections))
        raise LabError("\n".join(explain_errors(error, f"{path}: defaults", *models))) from error
    digests = workbench_digests.beside(path)
    try:
        built = workbench_digests.read(digests)
    except workbench_digests.DigestsError as error:
        raise LabError(str(error)) from error
    hosts: list[tuple[str, dict[str, Any]]] = []
    refused: dict[str, Refusal] = {}
    for name, said in lab.hosts.items():
        try:
            data = _host_data(name, said, lab, sections, built)
        except ValidationError as error:
            mistakes = "; ".join(explain_errors(error, f"{path}: hosts.{name}", _LabFile, _host(sections)))
            refused[name] = Refusal(mistakes, f"correct hosts.{name} in {path}")
        else:
            places = {workbench_digests.HOST_DATA: str(digests), ROLES_FOLDER: str(text.roles)}
            hosts.append((name, {**data, **places}))
    return Lab(hosts, refused)


def _connection(sections: Sections) -> type[_Connection]:
    return with_sections(_Connection, sections)


def _host(sections: Sections) -> type[_Host]:
    return with_sections(_Host, sections)


def _host_data(
    name: str,
    said: Any,
    lab: _LabFile,
    sections: Sections,
    workbenches: dict[ImageReference, ImageOverride],
) -> dict[str, Any]:
    own = said if said is not None else {}
    if isinstance(own, dict):
        own = {key: value for key, value in own.items() if value is not None or key in sections}
        own = {**lab.defaults, **own, **_merged(lab.defaults, own, ("policy", *sections))}
    host = _host(sections).model_validate(own)
    connection = {
        "ssh_hostname": host.address or name,
        "ssh_user": host.ssh_user,
        "ssh_port": host.ssh_port,
        "ssh_key": host.ssh_key,
        "ssh_known_hosts_file": host.ssh_known_hosts,
        "ssh_strict_host_key_checking": host.ssh_host_key_checking,
    }
    settings = {
        "policy": host.policy.model_dump(exclude_unset=True),
        "users": list(host.users),
        "repositories": _overrides({**lab.repositories, **host.repositories}),
        "images": _overrides({**workbenches, **lab.images, **host.images}),
        **{key: _dumped(getattr(host, key)) for key in sections},
    }
    return {key: value for key, value in {**connection, **settings}.items() if value is not None}


def _merged(defaults: dict[str, Any], own: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """The sections of which a host need not repeat what it leaves as it is."""
    said = [key for key in keys if key in defaults and isinstance(own.get(key), dict)]
    return {key: {**(defaults[key] or {}), **own[key]} for key in said}


def _dumped(section: BaseModel | None) -> dict[str, Any] | None:
    return section.model_dump(exclude_unset=True, mode="json") if section else None


def _overrides(overrides: dict[str, Any]) -> dict[str, Any]:
    return {name: _dumped(each) for name, each in overrides.items()}
