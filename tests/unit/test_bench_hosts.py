from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import yaml
from vlab.hosts import load_lab

from bench.hosts import GROUPS, MOST_HOSTS, bench_hosts
from bench.inventories import ansible_inventory, image_of, known_hosts, pyinfra_inventory
from xpulab.resolving.target import Image

SETTINGS = {"users": ["ops"], "repositories": {}, "images": {}}
KEYS = {kind: f"ssh-ed25519 key-of-{kind} comment\n" for kind in GROUPS}
IMAGES = {group: Image(f"torch:{group}", "sha256:" + "0" * 64, 1) for group in GROUPS.values()}


def test_hosts_are_the_four_kinds_in_turn_each_with_an_address_of_its_own() -> None:
    hosts = bench_hosts(MOST_HOSTS)
    assert [host.kind for host in hosts[:5]] == ["nv1", "intel1", "max1", "cpu1", "nv1"]
    assert (hosts[0].name, hosts[0].address) == ("bench-001", "127.0.20.1")
    assert len({host.address for host in hosts}) == len({host.name for host in hosts}) == MOST_HOSTS
    assert {host.kind for host in hosts} <= set(load_lab().hosts)


@pytest.mark.parametrize("count", [0, -1, MOST_HOSTS + 1])
def test_more_hosts_than_a_machine_carries_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="the bench takes 1 to"):
        bench_hosts(count)


def test_no_address_of_the_bench_is_one_of_the_testbed() -> None:
    taken = {host.address for host in load_lab().hosts.values()}
    assert not taken & {host.address for host in bench_hosts(MOST_HOSTS)}


def test_every_address_has_the_host_key_of_its_kind() -> None:
    lines = known_hosts(bench_hosts(5), KEYS).splitlines()
    assert lines[0] == "127.0.20.1 ssh-ed25519 key-of-nv1"
    assert lines[4] == "127.0.20.5 ssh-ed25519 key-of-nv1"


def test_pyinfra_and_ansible_are_told_of_the_same_hosts(tmp_path: Path) -> None:
    hosts = bench_hosts(6)
    file = tmp_path / "hosts.py"
    file.write_text(pyinfra_inventory(hosts, "ops", SETTINGS, tmp_path / "known_hosts"))
    pyinfra = runpy.run_path(str(file))
    ansible = yaml.safe_load(ansible_inventory(hosts, "ops", {"docker": "ABC"}, IMAGES, tmp_path))["all"]
    for group, of_ansible in ansible["children"].items():
        told = {name: data["ssh_hostname"] for name, data in pyinfra[group]}
        assert told == {name: data["ansible_host"] for name, data in of_ansible["hosts"].items()}
        assert of_ansible["vars"]["image"] == f"torch:{group}"
    assert dict(pyinfra["nvidia"])["bench-001"]["users"] == ansible["vars"]["lab_users"] == ["ops"]


def test_a_group_without_hosts_is_left_out() -> None:
    inventory = yaml.safe_load(ansible_inventory(bench_hosts(1), "ops", {}, IMAGES, Path("known_hosts")))
    assert list(inventory["all"]["children"]) == ["nvidia"]


def test_every_kind_is_told_the_image_that_xpulab_would_choose() -> None:
    lab = load_lab()
    images = {group: image_of(lab.hosts[kind], {}).reference for kind, group in GROUPS.items()}
    assert images["nvidia"].startswith("pytorch/pytorch:")
    assert images["max"].startswith("intel/intel-extension-for-pytorch:")
    assert images["cpu"].startswith("intel/pytorch:cpu-")
