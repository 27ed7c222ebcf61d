"""Cards that a host sees and cannot use: said in words, and in no other card's way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.sample_hosts import ARC_A770, GA, HWE, RTX_3090, function, host
from xpulab.inventory.settings import HostSettings, Policy
from xpulab.probing.observed import Observed
from xpulab.resolving.resolve import resolve
from xpulab.resolving.target import Target
from xpulab.resolving.vendors import load_catalog
from xpulab.schema.refusal import Refusal

NO_BAR1 = (16 << 20, 0, 32 << 20)
CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"answers": False}, "does not answer on the PCI bus", "switch the host off and on"),
    ({"region_bytes": NO_BAR1}, "BAR 1 is not assigned", "Above 4G Decoding"),
    ({"virtual": True}, "set aside for a virtual machine", "physical function"),
    ({"driver": "vfio-pci"}, "vfio-pci holds it for a virtual machine", "virtual machine"),
    ({"driver": "pci-stub"}, "pci-stub holds it for a virtual machine", "virtual machine"),
    ({"driver": "xen-pciback"}, "xen-pciback holds it for a virtual machine", "virtual machine"),
]


def answer(observed: Observed, **policy: Any) -> Target | Refusal:
    return resolve(observed, HostSettings(policy=Policy(**policy)), load_catalog())


@pytest.mark.parametrize(("facts", "why", "remedy"), CASES, ids=[case[1] for case in CASES])
def test_a_host_whose_only_card_is_out_of_reach_is_refused_with_what_to_do(
    facts: dict[str, Any], why: str, remedy: str
) -> None:
    alone = host(pci=(replace(function(RTX_3090), **facts),))
    refused = answer(alone)
    assert isinstance(refused, Refusal)
    assert "GeForce RTX 3090 (10de:2204 at 0000:01:00.0)" in refused.reason and why in refused.reason
    assert remedy in refused.remedy and "unsupported: cpu" in refused.remedy
    instead = answer(alone, unsupported="cpu")
    assert isinstance(instead, Target) and instead.vendor == "cpu"


@pytest.mark.parametrize(("facts", "why", "remedy"), CASES, ids=[case[1] for case in CASES])
def test_beside_a_good_card_it_is_left_out_and_named(facts: dict[str, Any], why: str, remedy: str) -> None:
    pair = host(pci=(replace(function(RTX_3090, 1), **facts), function(RTX_3090, 2)))
    target = answer(pair)
    assert isinstance(target, Target)
    assert [each.address for each in target.accelerators] == ["0000:02:00.0"]
    assert any("0000:01:00.0" in note and why in note for note in target.notes)


def test_a_virtual_function_with_its_driver_is_a_card_like_any_other() -> None:
    driven = replace(function(RTX_3090), virtual=True, driver="nvidia")
    assert isinstance(answer(host(pci=(driven,))), Target)


def test_a_virtual_gpu_is_refused_though_it_bears_the_id_of_a_card() -> None:
    a10 = function("10de:2236")
    assert isinstance(answer(host(pci=(replace(a10, subsystem="10de:1482"),))), Target)
    refused = answer(host(pci=(replace(a10, subsystem="10de:14bb"),)))
    assert isinstance(refused, Refusal)
    assert (
        "virtual GPU" in refused.reason and "guest driver" in refused.reason and "by hand" in refused.remedy
    )


def test_the_regions_that_count_are_those_of_the_vendor() -> None:
    arc = replace(function(ARC_A770), region_bytes=(16 << 20, 256 << 20))
    assert isinstance(answer(host(pci=(arc,), kernel=HWE)), Target)
    without = replace(arc, region_bytes=(16 << 20, 0))
    refused = answer(host(pci=(without,), kernel=HWE))
    assert isinstance(refused, Refusal) and "BAR 1" in refused.reason


@pytest.mark.parametrize(
    ("facts", "named", "remedy"),
    [
        ({"os_id": "debian", "os_version": "12", "kernel": "6.8.12-4-pve"}, "Proxmox VE", "PCI passthrough"),
        (
            {"kernel": "5.15.167.4-microsoft-standard-WSL2"},
            "Windows Subsystem for Linux",
            "driver on Windows",
        ),
        ({"container_of": "wsl"}, "Windows Subsystem for Linux", "driver on Windows"),
        ({"container_of": "lxc"}, "a container (lxc)", "the machine that it runs on"),
        ({"container_of": "systemd-nspawn"}, "a container (systemd-nspawn)", "the machine that it runs on"),
    ],
)
def test_a_system_that_is_no_machine_of_its_own_is_named_and_refused(
    facts: dict[str, Any], named: str, remedy: str
) -> None:
    refused = answer(host(RTX_3090, **facts))
    assert isinstance(refused, Refusal), refused
    assert f"this host is {named}" in refused.reason and remedy in refused.remedy
    assert isinstance(answer(host(RTX_3090, **facts), unsupported="cpu"), Target)


def test_a_container_that_sees_no_accelerator_is_a_cpu_host() -> None:
    target = answer(host("1a03:2000", container_of="lxc", kernel=GA))
    assert isinstance(target, Target) and target.vendor == "cpu"


def test_windows_shows_its_gpu_as_no_pci_device_of_a_vendor() -> None:
    refused = answer(host("1414:008e", container_of="wsl", kernel="6.6.87.2-microsoft-standard-WSL2"))
    assert isinstance(refused, Refusal) and "Windows Subsystem for Linux" in refused.reason
