"""What of the catalog the testbed's rotten news contradict: an entry for each rule of check-upstreams."""

from __future__ import annotations

from xpulab.resolving.vendors import load_catalog

EXPIRED_KEY = "C51CBFD9E2573B67FB554285C07B3B71D3343D04"
"""The fingerprint of the key that rotten news have for Docker's packages, good until February 2020."""
SYSTEMS = ("ubuntu-22.04", "debian-12")


def _hwe() -> str:
    kernels = load_catalog().operating_systems["ubuntu-22.04"].kernels
    number = next(number for number, each in enumerate(kernels) if each.title == "HWE")
    return f"operating_systems.yml: ubuntu-22.04 > kernels > {number} > series"


ENTRIES = [
    ("kernel series", _hwe(), "it is 6.99.0-10.10~22.04.1 now, the catalog says 6.8"),
    (
        "security floor",
        "nvidia/driver.yml: branches > 580 > security_floor",
        "bulletin 5999 calls 580.999.01",
    ),
    (
        "driver branch",
        "nvidia/driver.yml: branches > 595 > latest",
        "the list has 595.999.02 of 2026-12-15",
    ),
    ("driver branch", "nvidia/driver.yml: branches > 990", "branch 990 (new feature branch, 990.10.01"),
    ("newest package", "nvidia/container_toolkit.yml: packages > version", "1.99.0-1 is out"),
    ("newest package", "intel/oneapi.yml: runtime > newest", "2099.0.0-1 is out"),
    ("newest PyTorch", "images.yml: pytorch/pytorch > tags", "2.99.0-cuda13.2-cudnn9-runtime"),
    (
        "firmware file",
        "intel/compute.yml: channels > distribution > packages",
        "is in firmware-intel-moved",
    ),
    ("apt key", "docker", "expired 2020-02-01"),
]
"""Kind and name of a finding, and what is said of it."""
