"""What an inventory says of the workbench that a host serves."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    IPvAnyAddress,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from xpulab.inventory.settings import UserName
from xpulab.schema.identifiers import SshPublicKey
from xpulab.schema.strict import Strict

Port = Annotated[int, Field(ge=1, le=65535)]
Registry = Annotated[
    str,
    StringConstraints(
        pattern=r"^([a-z0-9-]+(\.[a-z0-9-]+)+(:\d{1,5})?|[a-z0-9-]+:\d{1,5})(/[a-z0-9]+([._-][a-z0-9]+)*)*$"
    ),
]


RESERVED_ACCOUNTS = frozenset({"root", "lab"})


def _at_least_one(keys: Any) -> Any:
    if not keys:
        raise PydanticCustomError("no_key", "has no public key: list at least one line of an id_ed25519.pub")
    return keys


def _own_account(name: str) -> str:
    if name in RESERVED_ACCOUNTS:
        raise PydanticCustomError("reserved", "is an account of the image itself: choose another name")
    return name


class Workbench(Strict):
    """The workbench that a host serves to researchers: JupyterLab and sshd in one container."""

    registry: Registry
    """Where the lab keeps its workbench images: `host[:port][/path]`."""
    builder: bool = False
    """Whether this host builds the lab's images and pushes them."""
    image: Literal["auto", "unified"] = "auto"
    """The image made for the host's accelerator, or the one that has all environments."""
    bind: IPvAnyAddress = IPv4Address("127.0.0.1")
    """The host's address at which the workbench listens."""
    jupyter_port: Port = 8888
    ssh_port: Port = 2222
    network: Literal["bridge", "host"] = "bridge"
    """A network of its own, or the host's: that takes part in training over several hosts."""
    users: dict[
        Annotated[UserName, AfterValidator(_own_account)],
        Annotated[tuple[SshPublicKey, ...], BeforeValidator(_at_least_one)],
    ] = Field(min_length=1)
    """Accounts in the workbench, with the keys they log in by; JupyterLab runs as the first."""
    device: Literal["cuda", "xpu", "cpu"] | None = None
    """The device to use (XPULAB_DEVICE); None takes what is there."""
    shm_gb: Annotated[int, Field(ge=1, le=4096)] | None = None
    """Shared memory of its own in 10^9 bytes; None shares the host's, as loaders with many workers like."""

    @model_validator(mode="after")
    def _ports_differ(self) -> Workbench:
        if self.jupyter_port == self.ssh_port:
            raise PydanticCustomError("one_port", "jupyter_port and ssh_port are the same: choose two")
        return self
