"""The inventory's words: what a lab owner may say about a host, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, StringConstraints, create_model

from xpulab.schema.identifiers import Digest, Fingerprint
from xpulab.schema.strict import Strict

# As directories have them, too: first.last, ops@corp.example, CORP\\ops. The host is asked whether it is one.
UserName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.@\\-]{0,255}$")]
HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,252}[A-Za-z0-9])?$")]
HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9._:/$()~%+-]+$")]
# With the words that the catalog's own addresses have: one mirror serves a lab of several systems.
SystemKey = Annotated[str, StringConstraints(pattern=r"^[a-z]+-[0-9.]+$"), Field(examples=["ubuntu-22.04"])]
MirrorUrl = Annotated[
    str, StringConstraints(pattern=r"^https?://([A-Za-z0-9._:/$()~%+-]|\{(codename|distribution|id)\})+$")
]
ImageReference = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._/:-]*:[A-Za-z0-9_][A-Za-z0-9._-]*$")
]
TorchVersion = Annotated[str, StringConstraints(pattern=r"^\d+\.\d+(\.\d+)?$"), Field(examples=["2.9"])]
DriverBranch = Annotated[str, StringConstraints(pattern=r"^\d{3}$"), Field(examples=["595"])]
ToolkitVersion = Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$"), Field(examples=["1.20.1"])]
Section = TypeVar("Section", bound=Strict)
S = TypeVar("S", bound="HostSettings")


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
    fabric_manager: Literal["auto", "never"] = "auto"
    """Whether GPUs behind NVSwitches get a fabric manager. `never` is for virtual machines with shared
    NVSwitches: the one that manages them runs on the machine below."""
    container_toolkit: ToolkitVersion | None = None
    """The exact version of NVIDIA's Container Toolkit; by default the catalog's, or a newer one that the host
    has."""
    machine_owner_key: Literal["none", "enrolled"] = "none"
    """Whether this host's firmware holds the key that DKMS signs with: without it, Secure Boot keeps
    modules that are built on the host out. Enrolling it takes a person at the console."""
    engine: Literal["docker.io", "docker-ce"] | None = None
    """The container engine: the distribution's, or Docker's own packages; by default the one that is there,
    or the distribution's. A host whose engine would have to go is refused until it is named."""
    intel_channel: Literal["unified", "ppa", "distribution", "lts/2523", "lts/2350"] | None = None
    """Channel of Intel's apt repository; by default the catalog's for the card."""
    oneapi: bool = True
    """Whether Intel hosts get the oneAPI runtime."""
    reboot: Literal["allowed", "never"] = "allowed"
    """Whether a run may reboot the host when the kernel module demands it."""
    in_use: Literal["refuse", "interrupt"] = "refuse"
    """What becomes of a host on which a run would restart the engine, change the driver or reboot while
    containers of others run or processes use the accelerator."""
    apt_lock_wait: Annotated[int, Field(ge=1, le=7200)] = 600
    """Seconds to wait for another process (unattended-upgrades, say) to let go of apt."""
    unsupported: Literal["refuse", "cpu"] = "refuse"
    """What becomes of a host whose accelerator cannot be supported."""


class RepositoryOverride(Strict):
    """What a lab sets differently for one apt repository, such as a mirror's address and key.

    Both addresses may hold `{codename}` (jammy), `{distribution}` (ubuntu2204) and `{id}` (ubuntu), filled in
    for each host. `systems` are those that a mirror serves whose address has none of these words.
    """

    uri: MirrorUrl | None = None
    key_url: MirrorUrl | None = None
    systems: tuple[SystemKey, ...] = ()
    fingerprints: tuple[Fingerprint, ...] | None = None


class ImageOverride(Strict):
    """What a lab pins for one image: its digest, and the free space its pull needs in 10^9 bytes."""

    digest: Digest | None = None
    disk_gb: Annotated[float, Field(gt=0, le=1000)] | None = None


class HostSettings(Strict):
    """All that an inventory may say to xpulab about one host, but for the sections of roles."""

    name_in_lab: HostName | None = None
    """What the lab calls the host; the inventory's own name for it is taken where this is not set."""
    policy: Policy = Policy()
    users: tuple[UserName, ...] = ()
    """Unix users of the lab: they may use the accelerator and the container engine."""
    repositories: dict[str, RepositoryOverride] = Field(default_factory=dict)
    images: dict[ImageReference, ImageOverride] = Field(default_factory=dict)

    def section(self, model: type[Section]) -> Section | None:
        """What the inventory says to the role whose section is of this model; None where it says nothing."""
        return next((value for _, value in self if isinstance(value, model)), None)


Sections = Mapping[str, type[Strict]]
"""The model of each role's section, by the key under which it stands in an inventory."""


def with_sections(base: type[S], sections: Sections) -> type[S]:
    """The same model with a section for each role that has one, which may be left out or be null."""
    return _with_sections(base, tuple(sections.items()))


@lru_cache(maxsize=64)
def _with_sections(base: type[S], sections: tuple[tuple[str, type[Strict]], ...]) -> type[S]:
    fields: dict[str, Any] = {key: (model | None, None) for key, model in sections}
    return create_model(base.__name__, __base__=base, **fields)
