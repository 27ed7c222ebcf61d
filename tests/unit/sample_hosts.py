"""Hosts as a probe would describe them, for tests of the resolver and the roles."""

from __future__ import annotations

from typing import Any

from xpulab.desired.manifest import Manifest
from xpulab.desired.role import sections
from xpulab.desired.state import Desired, desired
from xpulab.inventory.settings import HostSettings, Policy, with_sections
from xpulab.probing.observed import Observed, PciFunction
from xpulab.resolving.resolve import resolve
from xpulab.resolving.target import Target
from xpulab.resolving.vendors import load_catalog
from xpulab.roles import BUILT_IN
from xpulab.schema.refusal import Refusal

GA, HWE = "5.15.0-161-generic", "6.8.0-87-generic"
RTX_3090, RTX_5090, GTX_1080_TI, V100, H100, K40 = (
    "10de:2204",
    "10de:2b85",
    "10de:1b06",
    "10de:1db1",
    "10de:2330",
    "10de:1024",
)
ARC_A770, ARC_B580, MAX_1100, FLEX_170, UHD_770 = (
    "8086:56a0",
    "8086:e20b",
    "8086:0bda",
    "8086:56c0",
    "8086:4680",
)
NOBLE_HWE, BOOKWORM, BACKPORTS = "7.0.0-31-generic", "6.1.0-28-amd64", "6.12.95+deb12-amd64"
RESOLUTE, TRIXIE = "7.0.0-38-generic", "6.12.118+deb13-amd64"
B200, NVSWITCH = "10de:2901", "10de:22a3"
ASPEED, RADEON = "1a03:2000", "1002:744c"


def function(pci_id: str, number: int = 1, pci_class: str = "030000") -> PciFunction:
    vendor, _, device = pci_id.partition(":")
    return PciFunction(f"0000:{number:02x}:00.0", vendor, device, pci_class)


def host(*pci_ids: str, **facts: Any) -> Observed:
    """A host with display-class functions of these ids (an NVSwitch is a bridge), much disk, and facts."""
    known: dict[str, Any] = {
        "os_id": "ubuntu",
        "os_version": "22.04",
        "architecture": "x86_64",
        "kernel": GA,
        "engine_free_bytes": 200 * 10**9,
        "pci": tuple(
            function(pci_id, number, "068000" if pci_id == NVSWITCH else "030000")
            for number, pci_id in enumerate(pci_ids, 1)
        ),
    }
    return Observed(**{**known, **facts})


def noble(*pci_ids: str, **facts: Any) -> Observed:
    """A host with Ubuntu 24.04 on its GA kernel."""
    return host(*pci_ids, **{"os_version": "24.04", "kernel": HWE, **facts})


def debian(*pci_ids: str, **facts: Any) -> Observed:
    """A host with Debian 12 on its own kernel."""
    return host(*pci_ids, **{"os_id": "debian", "os_version": "12", "kernel": BOOKWORM, **facts})


def resolute(*pci_ids: str, **facts: Any) -> Observed:
    """A host with Ubuntu 26.04 on its own kernel."""
    return host(*pci_ids, **{"os_version": "26.04", "kernel": RESOLUTE, **facts})


def trixie(*pci_ids: str, **facts: Any) -> Observed:
    """A host with Debian 13 on its own kernel."""
    return host(*pci_ids, **{"os_id": "debian", "os_version": "13", "kernel": TRIXIE, **facts})


def settings(**policy: Any) -> HostSettings:
    return HostSettings(users=("ada", "grace"), policy=Policy(**policy))


SETTINGS = with_sections(HostSettings, sections(BUILT_IN))


def said(**keys: Any) -> HostSettings:
    """The settings of a host whose inventory says this, sections of roles included."""
    return SETTINGS.model_validate(keys)


def desired_of(observed: Observed, wanted: HostSettings) -> Desired | Refusal:
    """What the built-in roles want of a host that is not refused before."""
    target = resolved(resolve(observed, wanted, load_catalog()))
    return desired(BUILT_IN, target, wanted, load_catalog())


def manifest_of(observed: Observed, wanted: HostSettings) -> Manifest:
    """The manifest of a host that is not refused."""
    found = desired_of(observed, wanted)
    assert isinstance(found, Desired), found
    return found.manifest


def resolved(result: object) -> Target:
    assert isinstance(result, Target), result
    return result
