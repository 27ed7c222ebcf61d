from __future__ import annotations

from pathlib import Path

import pytest

from xpulab.desired.lab import load_lab
from xpulab.inventory.labfile import LabError
from xpulab.roles import BUILT_IN

LAB = """
lab: physics
defaults: {ssh_user: ops, users: [ops], policy: {torch: "2.14", prefer: nvidia}}
hosts:
  gpu-01: {address: 10.0.0.11}
  gpu-02: {address: 10.0.0.12, policy: {nvidia_driver: "595"}}
  gpu-03:
repositories:
  nvidia-container-toolkit: {uri: "https://mirror.example/toolkit"}
"""


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "lab.yml"
    file.write_text(text)
    return file


def test_hosts_get_the_defaults_and_their_own_words_over_them(tmp_path: Path) -> None:
    hosts = dict(load_lab(write(tmp_path, LAB), BUILT_IN).hosts)
    assert hosts["gpu-01"]["ssh_hostname"] == "10.0.0.11"
    assert hosts["gpu-01"]["policy"] == {"torch": "2.14", "prefer": "nvidia"}
    assert hosts["gpu-02"]["policy"] == {"torch": "2.14", "prefer": "nvidia", "nvidia_driver": "595"}
    assert hosts["gpu-01"]["repositories"] == {
        "nvidia-container-toolkit": {"uri": "https://mirror.example/toolkit"}
    }


def test_a_host_without_an_address_is_reached_by_its_name(tmp_path: Path) -> None:
    assert dict(load_lab(write(tmp_path, LAB), BUILT_IN).hosts)["gpu-03"]["ssh_hostname"] == "gpu-03"


def test_ssh_host_keys_are_always_checked(tmp_path: Path) -> None:
    hosts = dict(load_lab(write(tmp_path, LAB), BUILT_IN).hosts)
    assert {data["ssh_strict_host_key_checking"] for data in hosts.values()} == {"accept-new"}


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ("polcy: {torch: '2.14'}", ["hosts.gpu-02", "polcy", "unknown key"]),
        ("policy: {prefer: amd}", ["hosts.gpu-02", "policy.prefer", "'nvidia', 'intel' or 'both'", "'amd'"]),
        ("policy: {torch: 2.10}", ["hosts.gpu-02", "policy.torch", "string"]),
        ("users: ['ops; rm -rf /']", ["hosts.gpu-02", "users.0", "rm -rf"]),
        ("address: '-oProxyCommand=x'", ["hosts.gpu-02", "address"]),
        ("images: {'a:b': {digest: latest}}", ["hosts.gpu-02", "digest", "'latest'"]),
        ("repositories: {docker: {fingerprints: [abc]}}", ["hosts.gpu-02", "fingerprints.0", "'abc'"]),
    ],
)
def test_a_hosts_mistake_names_file_host_and_key_and_spares_the_others(
    tmp_path: Path, mistake: str, words: list[str]
) -> None:
    file = write(tmp_path, f"lab: x\nhosts:\n  gpu-01: {{}}\n  gpu-02:\n    {mistake}\n")
    lab = load_lab(file, BUILT_IN)
    assert [name for name, _ in lab.hosts] == ["gpu-01"]
    assert list(lab.refused) == ["gpu-02"]
    for word in [str(file), *words]:
        assert word in lab.refused["gpu-02"].reason


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lab: x\nhosts: {a: {}}\nhots: {}", ["hots", "unknown key"]),
        ("lab: x", ["hosts", "required"]),
        ("lab: x\nhosts: {a: {}}\ndefaults: {ssh_usr: ops}", ["defaults", "ssh_usr", "unknown key"]),
        ("lab: x\nhosts: {'a b': {}}", ["hosts.a b"]),
        ("lab: x\nhosts:\n  a: {}\n  a: {}", ["key a stands twice", "line 4"]),
        ("lab: [", ["not YAML", "line 2"]),
        ("[]", ["dictionary"]),
    ],
)
def test_a_file_that_makes_no_sense_stops_with_file_and_key(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    file = write(tmp_path, text)
    with pytest.raises(LabError) as caught:
        load_lab(file, BUILT_IN)
    for word in [str(file), *words]:
        assert word in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"nowhere\.yml: cannot be read"):
        load_lab(tmp_path / "nowhere.yml", BUILT_IN)
