"""The inventory's words: what a lab owner may say about a host, checked before anything runs."""

from __future__ import annotations

import re
from difflib import get_close_matches
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    IPvAnyAddress,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from xpulab.pull.settings import FolderUrl, Interval, Signer, Span, seconds
from xpulab.schema.identifiers import Digest, Fingerprint, SshPublicKey

UserName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]
HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9._:/$()~%+-]+$")]
ImageReference = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._/:-]*:[A-Za-z0-9_][A-Za-z0-9._-]*$")
]
TorchVersion = Annotated[str, StringConstraints(pattern=r"^\d+\.\d+(\.\d+)?$"), Field(examples=["2.9"])]
DriverBranch = Annotated[str, StringConstraints(pattern=r"^\d{3}$"), Field(examples=["595"])]
Port = Annotated[int, Field(ge=1, le=65535)]
Registry = Annotated[
    str,
    StringConstraints(
        pattern=r"^([a-z0-9-]+(\.[a-z0-9-]+)+(:\d{1,5})?|[a-z0-9-]+:\d{1,5})(/[a-z0-9]+([._-][a-z0-9]+)*)*$"
    ),
]


class Strict(BaseModel):
    """A model that refuses unknown keys and cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Policy(Strict):
    """Choices a lab owner may make for a host; the defaults suit most labs."""

    torch: TorchVersion | None = None
    """The PyTorch version asked for; by default the newest with a published image."""
    prefer: Literal["nvidia", "intel", "both"] = "nvidia"
    """Which vendor wins on a host that has usable accelerators of both; `both` installs both drivers."""
    nvidia_driver: DriverBranch | None = None
    """NVIDIA driver branch; by default the catalog's."""
    nvidia_driver_end_of_life: Literal["refuse", "allow"] = "refuse"
    """Whether `nvidia_driver` may name a branch that gets no more security fixes."""
    nvidia_source: Literal["archive", "cuda"] | None = None
    """The distribution's archive or NVIDIA's CUDA repository; by default the first that has the branch."""
    machine_owner_key: Literal["none", "enrolled"] = "none"
    """Whether this host's firmware holds the key that DKMS signs with: without it, Secure Boot keeps
    modules that are built on the host out. Enrolling it takes a person at the console."""
    engine: Literal["docker.io", "docker-ce"] = "docker.io"
    """The container engine: the distribution's, or Docker's own packages."""
    intel_channel: Literal["unified", "ppa", "distribution", "lts/2523", "lts/2350"] | None = None
    """Channel of Intel's apt repository; by default the catalog's for the card."""
    oneapi: bool = True
    """Whether Intel hosts get the oneAPI runtime."""
    reboot: Literal["allowed", "never"] = "allowed"
    """Whether a run may reboot the host when the kernel module demands it."""
    apt_lock_wait: Annotated[int, Field(ge=1, le=7200)] = 600
    """Seconds to wait for another process (unattended-upgrades, say) to let go of apt."""
    unsupported: Literal["refuse", "cpu"] = "refuse"
    """What becomes of a host whose accelerator cannot be supported."""


class RepositoryOverride(Strict):
    """What a lab sets differently for one apt repository, such as a mirror's address and key."""

    uri: HttpUrl | None = None
    key_url: HttpUrl | None = None
    fingerprints: tuple[Fingerprint, ...] | None = None


class ImageOverride(Strict):
    """What a lab pins for one image: its digest, and the free space its pull needs in 10^9 bytes."""

    digest: Digest | None = None
    disk_gb: Annotated[float, Field(gt=0, le=1000)] | None = None


class Pull(Strict):
    """How a host that converges itself gets its releases."""

    url: FolderUrl
    """The folder with the files that `xpulab release` makes."""
    signers: Annotated[tuple[Signer, ...], Field(min_length=1)]
    """ssh public keys: a release signed by one of them is taken, and no other."""
    every: Interval = "1h"
    """From the start of one pull to the start of the next."""
    jitter: Span = "15m"
    """Each host waits a part of this longer, always the same, so that not all of them come at once."""

    @property
    def stale_after_s(self) -> int:
        """The age from which on a host's last result means that it no longer pulls."""
        return 3 * (seconds(self.every) + seconds(self.jitter))


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


class HostSettings(Strict):
    """All that an inventory may say to xpulab about one host."""

    policy: Policy = Policy()
    users: tuple[UserName, ...] = ()
    """Unix users of the lab: they may use the accelerator and the container engine."""
    repositories: dict[str, RepositoryOverride] = Field(default_factory=dict)
    images: dict[ImageReference, ImageOverride] = Field(default_factory=dict)
    workbench: Workbench | None = None
    """What the host serves to researchers: see docs/workbench.md."""
    pull: Pull | None = None
    """Where the host pulls from, if it converges itself: see docs/pull.md."""


MODELS: tuple[type[Strict], ...] = (Policy, RepositoryOverride, ImageOverride, Workbench, Pull, HostSettings)


def explain_errors(error: ValidationError, where: str, *models: type[Strict]) -> list[str]:
    """One line per mistake: where it stands, what was found, what is allowed.

    `models` are those beside this module's whose keys a misspelt one may have meant.
    """
    words = [word for each in (*models, *MODELS) for word in each.model_fields]
    lines = []
    for each in error.errors():
        key = ".".join(str(part) for part in each["loc"])
        found = "" if each["type"] == "missing" else f" (found {_shorten(each['input'])})"
        unknown = each["type"] == "extra_forbidden"
        message = _unknown_key(str(each["loc"][-1]), words) if unknown else each["msg"]
        lines.append(f"{where}: {key}: {message}{found}{_near_value(each)}")
    return lines


def _unknown_key(key: str, words: list[str]) -> str:
    near = get_close_matches(key, words, n=1)
    return f"unknown key, did you mean {near[0]}?" if near else "unknown key"


def _near_value(error: ErrorDetails) -> str:
    """What a misspelt value may have meant, where a key takes one of a few."""
    if error["type"] != "literal_error":
        return ""
    allowed = re.findall("'([^']*)'", error["ctx"]["expected"])
    near = get_close_matches(str(error["input"]), allowed, n=1)
    return f", did you mean {near[0]}?" if near else ""


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
