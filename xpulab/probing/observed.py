"""What one probe saw on one host, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class PciFunction:
    """One PCI function; ids are four lower-case hex digits, the class six.

    What follows the class is known of display and processing functions whose driver is looked at: the board's
    ids (`1043:87b3`, empty without any), the driver that is bound to it, whether that gives it a render node,
    whether it answers on the bus, whether it is a virtual function (SR-IOV) of another one on this bus, and
    the sizes of its regions, nought for one without a place.
    """

    address: str
    vendor: str
    device: str
    pci_class: str
    subsystem: str = ""
    driver: str | None = None
    render_node: bool = False
    answers: bool = True
    virtual: bool = False
    region_bytes: tuple[int, ...] = ()

    @property
    def pci_id(self) -> str:
        """Vendor and device as lspci -n prints them, such as `10de:2204`."""
        return f"{self.vendor}:{self.device}"


@dataclass(frozen=True)
class KernelModule:
    """A kernel module: what runs (`loaded*`) and what `modinfo` finds for the running kernel (`disk*`)."""

    name: str
    loaded: bool = False
    loaded_version: str | None = None
    loaded_srcversion: str | None = None
    disk_version: str | None = None
    disk_srcversion: str | None = None
    disk_license: str | None = None


@dataclass(frozen=True)
class InstalledPackage:
    """A package dpkg knows; `intact` is False when it is half installed or not configured."""

    version: str
    intact: bool = True
    held: bool = False


@dataclass(frozen=True)
class FoundFile:
    """A regular file; `modified` in seconds since the epoch."""

    sha256: str
    mode: str
    owner: str
    modified: float
    size: int


@dataclass(frozen=True)
class FoundUnit:
    """A systemd unit; `active_since`, in seconds since the epoch, is when its last start began."""

    loaded: bool
    active: str
    enabled: str
    active_since: float | None = None


@dataclass(frozen=True)
class FoundGroup:
    """A Unix group with its numeric id and members."""

    gid: int
    members: frozenset[str]


@dataclass(frozen=True)
class FoundImage:
    """One image of the container engine; tag or digest may be missing."""

    repository: str
    tag: str | None
    digest: str | None


@dataclass(frozen=True)
class FoundContainer:
    """A container of xpulab's: its state, the image it was started from, and its configuration's label."""

    state: str
    health: str
    image: str
    configuration: str


@dataclass(frozen=True)
class AptSource:
    """One active apt source: the file it stands in, its URI, and its suite."""

    path: str
    uri: str
    suite: str


@dataclass(frozen=True)
class AptLock:
    """A process that holds one of apt's locks."""

    path: str
    pid: int
    command: str


@dataclass(frozen=True)
class Observed:
    """One host as its probe found it.

    Files, contents, modules, units, groups, users, containers and facts are those that the roles of the run
    watch; what is none of UTF-8 in a content or a fact is U+FFFD. A user's name leads to the one by which
    groups know it. `container_of` is what runs the system, where it is no machine of its own (`lxc`, `wsl`).
    `engine_root` is where the container engine keeps images.
    """

    os_id: str
    os_version: str
    architecture: str
    kernel: str
    boot_id: str = ""
    secure_boot: bool = False
    container_of: str | None = None
    pci: tuple[PciFunction, ...] = ()
    modules: Mapping[str, KernelModule] = field(default_factory=dict)
    packages: Mapping[str, InstalledPackage] = field(default_factory=dict)
    origins: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """Of packages, the sources (URI, and suite with component) that have the installed version."""
    files: Mapping[str, FoundFile] = field(default_factory=dict)
    apt_sources: tuple[AptSource, ...] = ()
    apt_lock: AptLock | None = None
    units: Mapping[str, FoundUnit] = field(default_factory=dict)
    groups: Mapping[str, FoundGroup] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict)
    contents: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    snap_docker: bool = False
    images: tuple[FoundImage, ...] = ()
    containers: Mapping[str, FoundContainer] = field(default_factory=dict)
    engine_free_bytes: int = 0
    engine_root: str = "/var/lib/docker"

    @property
    def os(self) -> str:
        """The operating system as the catalog names it, such as `ubuntu-22.04`."""
        return f"{self.os_id}-{self.os_version}"
