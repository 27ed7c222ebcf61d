"""Hosts as a probe would describe them, for tests of the resolver and the roles."""

from __future__ import annotations

from typing import Any

from xpulab.lab import HostSettings, Policy
from xpulab.observed import Observed, PciFunction
from xpulab.target import Target

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
ASPEED, RADEON = "1a03:2000", "1002:744c"


def function(pci_id: str, number: int = 1, pci_class: str = "030000") -> PciFunction:
    vendor, _, device = pci_id.partition(":")
    return PciFunction(f"0000:{number:02x}:00.0", vendor, device, pci_class)


def host(*pci_ids: str, **facts: Any) -> Observed:
    """A host with display-class functions of these ids, plenty of disk, and other facts as given."""
    known: dict[str, Any] = {
        "os_id": "ubuntu",
        "os_version": "22.04",
        "architecture": "x86_64",
        "kernel": GA,
        "engine_free_bytes": 200 * 10**9,
        "pci": tuple(function(pci_id, number) for number, pci_id in enumerate(pci_ids, 1)),
    }
    return Observed(**{**known, **facts})


def settings(**policy: Any) -> HostSettings:
    return HostSettings(users=("ada", "grace"), policy=Policy(**policy))


def resolved(result: object) -> Target:
    assert isinstance(result, Target), result
    return result
