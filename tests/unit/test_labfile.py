from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.own_roles_page import write_lab
from xpulab.desired import own_roles
from xpulab.desired.lab import load_lab
from xpulab.inventory.labfile import ROLES_FOLDER, LabError
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
        ("ssh_key: ~nosuchuser/key", ["hosts.gpu-02: ssh_key: there is no such user on this machine"]),
        ('ssh_key: "a\\nb"', ["hosts.gpu-02: ssh_key: holds a character that no path needs"]),
        ("name_in_lab: other", ["hosts.gpu-02: name_in_lab is the key under hosts, and stands nowhere else"]),
        ("address: 2026-11-24", ["hosts.gpu-02: address: ", "string", "datetime.date"]),
        ("1: x", ["hosts.gpu-02: 1: ", "string"]),
        ("[gpu]", ["hosts.gpu-02: Input should be a dictionary (found ['gpu'])"]),
        ("gpu", ["hosts.gpu-02: Input should be a dictionary (found 'gpu')"]),
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
        ("lab: x\nhosts:\n  ? [a]\n  : {}", ["a key is a list or a mapping, and a word is wanted", "line 3"]),
        ("lab: x\nhosts: {a: {? {x: y} : 1}}", ["a key is a list or a mapping", "line 2"]),
        ("lab: x\nhosts: {a: {address: 2026-02-31}}", ["not YAML", "day is out of range"]),
        (
            "lab: x\nhosts: {a: {}}\ndefaults: {ssh_key: ~nosuchuser/k}",
            ["defaults: ssh_key: there is no such"],
        ),
        ("lab: x\nhosts: {a: {}}\ndefaults: {name_in_lab: b}", ["defaults: name_in_lab is the key under"]),
        ("lab: x\nhosts: {a: {}}\nroles: ~nosuchuser/roles", ["roles: there is no such user"]),
        ("lab: x\nhosts: {a: {}}\nroles: nowhere", ["roles: there is no folder ", "nowhere: make it, or"]),
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


def test_a_file_that_is_not_utf8_says_so(tmp_path: Path) -> None:
    file = tmp_path / "lab.yml"
    file.write_bytes("lab: x  # für alle\nhosts: {a: {}}\n".encode("latin-1"))
    with pytest.raises(LabError, match=r"lab\.yml: cannot be read \(it is not UTF-8: .* byte 0xfc"):
        load_lab(file, BUILT_IN)


@pytest.fixture
def with_scratch(tmp_path: Path) -> Path:
    """The lab of docs/own-roles.md: three hosts, of which one says another size, and one nothing of it."""
    file = write_lab(tmp_path / "physics")
    file.write_text(
        "lab: x\ndefaults: {scratch: {path: /scratch, size: 2G}}\n"
        "hosts:\n  a:\n  b: {scratch: {size: 1G}}\n  c: {scratch: null}\n"
    )
    return file


def scratches(file: Path, folder: Path | None = None) -> dict[str, Any]:
    return {name: data.get("scratch") for name, data in load_lab(file, BUILT_IN, folder).hosts}


def test_the_section_of_an_own_role_adds_to_the_defaults_and_null_turns_it_off(with_scratch: Path) -> None:
    two = {"path": "/scratch", "size": "2G"}
    assert scratches(with_scratch) == {"a": two, "b": {**two, "size": "1G"}, "c": None}


@pytest.mark.parametrize("named", ["../elsewhere", "{parent}/elsewhere"])
def test_a_lab_file_may_name_another_folder_of_roles(with_scratch: Path, named: str) -> None:
    parent = with_scratch.parents[1]
    (with_scratch.parent / "roles").rename(parent / "elsewhere")
    with pytest.raises(LabError, match="defaults: scratch: unknown key"):
        load_lab(with_scratch, BUILT_IN)
    with_scratch.write_text(f"roles: {named.format(parent=parent)}\n{with_scratch.read_text()}")
    assert scratches(with_scratch)["a"] == {"path": "/scratch", "size": "2G"}
    (data,) = (data for name, data in load_lab(with_scratch, BUILT_IN).hosts if name == "a")
    assert own_roles.load(Path(data[ROLES_FOLDER]), BUILT_IN)[-1].name == "sysctl"


def test_a_folder_in_the_home_of_somebody_is_found(
    with_scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (with_scratch.parent / "roles").rename(with_scratch.parent / "elsewhere")
    monkeypatch.setenv("HOME", str(with_scratch.parent))
    with_scratch.write_text(f"roles: ~/elsewhere\n{with_scratch.read_text()}")
    assert scratches(with_scratch)["a"] == {"path": "/scratch", "size": "2G"}


@pytest.mark.parametrize("named", ["../gone", "~nosuchuser/roles"])
def test_a_releases_folder_takes_the_place_of_the_one_named(with_scratch: Path, named: str) -> None:
    (with_scratch.parent / "roles").rename(with_scratch.parent / "of-the-release")
    with_scratch.write_text(f"roles: {named}\n{with_scratch.read_text()}")
    assert scratches(with_scratch, with_scratch.parent / "of-the-release")["a"]


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ("scratch: {sise: 1G}", "hosts.b: scratch.sise: unknown key, did you mean size? (found '1G')"),
        ("scrach: {size: 1G}", "hosts.b: scrach: unknown key, did you mean scratch?"),
        ("scratch: {size: big}", "hosts.b: scratch.size: "),
        ("scratch: off", "hosts.b: scratch: Input should be a dictionary (found False)"),
    ],
)
def test_a_hosts_mistake_in_an_own_roles_section_names_its_keys_and_spares_the_others(
    with_scratch: Path, mistake: str, words: str
) -> None:
    text = with_scratch.read_text()
    with_scratch.write_text(text.replace("scratch: {size: 1G}", mistake))
    lab = load_lab(with_scratch, BUILT_IN)
    assert [name for name, _ in lab.hosts] == ["a", "c"]
    assert words in lab.refused["b"].reason


def test_one_in_the_defaults_names_the_key(with_scratch: Path) -> None:
    with_scratch.write_text(with_scratch.read_text().replace("size: 2G", "sise: 2G"))
    with pytest.raises(LabError, match=r"defaults: scratch\.sise: unknown key, did you mean size\?"):
        load_lab(with_scratch, BUILT_IN)


def test_one_in_a_role_is_the_labs(with_scratch: Path) -> None:
    (with_scratch.parent / "roles" / "scratch.py").write_text("1 / 0")
    with pytest.raises(LabError, match=r"scratch\.py, line 1: cannot be read: ZeroDivisionError"):
        load_lab(with_scratch, BUILT_IN)


def test_host_key_checking_may_be_said_as_yaml_reads_it(tmp_path: Path) -> None:
    for word in ("yes", '"yes"', "true"):
        text = f"lab: x\nhosts: {{a: {{ssh_host_key_checking: {word}}}}}\n"
        ((_, data),) = load_lab(write(tmp_path, text), BUILT_IN).hosts
        assert data["ssh_strict_host_key_checking"] == "yes"


@pytest.mark.parametrize("name", ["first.last", "Ada", "ops@corp.example", "svc_gpu-01", "CORP\\ada"])
def test_users_of_a_directory_may_be_named(tmp_path: Path, name: str) -> None:
    text = f"lab: x\nhosts: {{a: {{users: ['{name}']}}}}\n"
    ((_, data),) = load_lab(write(tmp_path, text), BUILT_IN).hosts
    assert data["users"] == [name]
