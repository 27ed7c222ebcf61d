"""From a pyinfra inventory to the hosts that tests/verify talks to."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.own_roles_page import write_lab
from tests.verify import lab
from tests.verify.kinds import KINDS, of_kind, provisioned
from tests.verify.lab import LabError, LabHost
from tests.verify.survey import read_answer

RECORD = {
    "vendor": "nvidia",
    "os": "ubuntu-22.04",
    "accelerators": [
        {
            "address": "0000:01:00.0",
            "pci_id": "10de:2204",
            "name": "GeForce RTX 3090",
            "family": "Ampere",
            "compute_capability": "8.6",
        }
    ],
    "driver": {"branch": "580", "modules": "open"},
    "engine": "docker.io",
    "image": {"reference": "registry.lab:5000/pytorch/pytorch:2.14.1", "digest": "sha256:ab"},
    "notes": [],
}
PCI = "pci=0000:01:00.0 0x10de 0x2204 0x030000\npci=0000:01:00.1 0x10de 0x1aef 0x040300\n"


def answer(record: Any, root: str = "root=yes\n") -> str:
    text = record if isinstance(record, str) else json.dumps(record)
    return f"user=ops\n{root}record={base64.b64encode(text.encode()).decode()}\n{PCI}"


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Loads an inventory without asking its hosts anything."""
    monkeypatch.setattr(lab, "ask", lambda host: host)

    def load(inventory: str, *, limit: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> list[LabHost]:
        return lab.load(inventory, limit, exclude, tmp_path)

    return load


@pytest.fixture
def inventory(tmp_path: Path) -> str:
    file = tmp_path / "inventory.py"
    file.write_text(
        'print("noise of an inventory")\n'
        'gpus = [("gpu-01", {"ssh_hostname": "10.0.0.11", "ssh_port": 2222, "ssh_user": "ops"}), "gpu-02"]\n'
        'others = [("fe80::1", {}), ("old", {"ssh_password": "secret"}), "@local"]\n'
    )
    return str(file)


def test_hosts_of_a_file_are_reached_by_ssh(loaded: Any, inventory: str) -> None:
    hosts = {host.name: host for host in loaded(inventory)}
    assert list(hosts) == ["gpu-01", "gpu-02", "fe80::1", "old", "@local"]
    assert hosts["gpu-01"].hostspec == "ssh://10.0.0.11"
    assert "Port 2222" in Path(str(hosts["gpu-01"].ssh_config)).read_text()
    assert hosts["gpu-02"].hostspec == "ssh://gpu-02"
    # An IPv6 address is not a host and a port.
    assert hosts["fe80::1"].shell.backend.host.name == "fe80::1"
    assert hosts["@local"].hostspec == "local://"
    assert "by password" in str(hosts["old"].survey.problem)


def test_a_list_of_names_is_an_inventory(loaded: Any) -> None:
    named, container = loaded("10.0.0.11,@docker/some-id")
    assert (named.hostspec, named.failure) == ("ssh://10.0.0.11", None)
    assert "reached by @docker" in str(container.survey.problem)


def test_vagrant_hosts_bring_their_own_settings(
    loaded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vagrant = tmp_path / "bin" / "vagrant"
    vagrant.parent.mkdir()
    vagrant.write_text(
        "#!/bin/sh\n"
        '[ "$1" = status ] && echo "1,nv1,state,running"\n'
        '[ "$1" = ssh-config ] && printf "Host nv1\\n  HostName 127.0.10.11\\n  User ops\\n  Port 22\\n\\n"\n'
        "exit 0\n"
    )
    vagrant.chmod(0o755)
    monkeypatch.setenv("PATH", f"{vagrant.parent}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    (host,) = loaded("@vagrant")
    assert (host.name, host.hostspec) == ("@vagrant/nv1", "ssh://127.0.10.11")
    assert "User ops" in Path(host.ssh_config).read_text()


@pytest.mark.parametrize(
    ("limit", "exclude", "names"),
    [
        (("gpu-*",), (), ["gpu-01", "gpu-02"]),
        (("gpus",), ("*-02",), ["gpu-01"]),
        ((), ("others",), ["gpu-01", "gpu-02"]),
    ],
)
def test_limit_and_exclude_take_patterns_and_groups(
    loaded: Any, inventory: str, limit: tuple[str, ...], exclude: tuple[str, ...], names: list[str]
) -> None:
    assert [host.name for host in loaded(inventory, limit=limit, exclude=exclude)] == names


def test_a_pattern_that_matches_nothing_is_an_error(loaded: Any, inventory: str) -> None:
    with pytest.raises(LabError, match="matches 'gpu-9'"):
        loaded(inventory, limit=("gpu-9",))


def test_a_broken_inventory_is_an_error_with_its_own_words(loaded: Any, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import sys\nsys.exit('my lab: key gpus: unknown')\n")
    with pytest.raises(LabError, match="my lab: key gpus: unknown"):
        loaded(str(broken))


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder for ssh's control sockets, whose paths may not be long."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


def test_an_unreachable_host_says_why(short_path: Path) -> None:
    entry = {
        "name": "gone",
        "connector": "SSHConnector",
        "by_password": False,
        "settings": {"ssh_hostname": "127.0.0.1", "ssh_port": "1"},
    }
    host = lab.ask(lab.reach(entry, short_path / "0"))
    assert str(host.survey.problem).startswith("cannot be reached: ssh: connect to host 127.0.0.1 port 1")


def test_hosts_survive_the_way_to_a_worker() -> None:
    hosts = [
        LabHost("gpu-01", "ssh://10.0.0.11", "/tmp/0", answer(RECORD)),
        LabHost("gone", "", failure="off"),
    ]
    assert lab.from_json(lab.to_json(hosts)) == hosts


def test_an_answer_tells_what_the_host_is() -> None:
    survey = read_answer(answer(RECORD))
    assert survey.problem is None
    assert survey.record is not None
    assert survey.record.vendor == "nvidia"
    assert survey.user == "ops"
    assert [gpu.pci_id for gpu in survey.accelerators_of("10de")] == ["10de:2204"]


def test_the_image_is_named_by_digest_even_behind_a_port() -> None:
    record = read_answer(answer(RECORD)).record
    assert record is not None
    assert record.image_by_digest == "registry.lab:5000/pytorch/pytorch@sha256:ab"


BESIDE = {**RECORD, "beside": {"vendor": "intel", "driver": {"branch": "unified", "modules": "in-tree"}}}


def kinds_of(record: Any) -> set[str]:
    return {
        name for name in KINDS if of_kind(provisioned([LabHost("gpu-01", "", answer=answer(record))]), name)
    }


def test_a_host_that_uses_two_vendors_is_checked_for_both_and_its_image_for_the_first() -> None:
    one = kinds_of(RECORD)
    assert "nvidia_host" in one and "nvidia_image_host" in one and "intel_host" not in one
    two = kinds_of(BESIDE)
    assert two - one == {"intel_host", "level_zero_host"}


def test_a_card_that_the_record_leaves_out_by_its_address_is_not_looked_for() -> None:
    for notes, seen in (([], 1), (["GeForce RTX 3090 at 0000:01:00.0 is left idle: vfio-pci holds it"], 0)):
        (host,) = provisioned([LabHost("gpu-01", "", answer=answer({**RECORD, "notes": notes}))])
        assert len(host.nvidia_gpus) == seen


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"user=ops\nroot=yes\n{PCI}", "run the main job first"),
        (answer(RECORD, root=""), "ops may not use sudo without a password"),
        (answer("{"), "run the main job again"),
        (answer("[]"), "run the main job again"),
        (answer({**RECORD, "vendor": "acme"}), "vendor 'acme' is none of"),
        (answer({key: RECORD[key] for key in RECORD if key != "image"}), "'image'"),
    ],
)
def test_a_host_that_cannot_be_verified_says_why(text: str, problem: str) -> None:
    survey = read_answer(text)
    assert survey.record is None
    assert problem in str(survey.problem)


PROVISIONED = """
import dataclasses, sys
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    lab = sys.modules["verify.lab"]
    lab.ask = lambda host: dataclasses.replace(host, answer={answer!r})
"""


def test_a_labs_own_checks_get_its_hosts_and_what_the_inventory_says_of_them(tmp_path: Path) -> None:
    """Those of docs/own-roles.md, on this machine, whose /dev/shm is as good a folder in memory."""
    folder = write_lab(tmp_path / "physics").parent
    size = subprocess.run(
        ["df", "--block-size=1M", "--output=size", "/dev/shm"], capture_output=True, text=True
    ).stdout.split()[-1]
    said = {"path": "/dev/shm", "size": f"{size}M"}
    (folder / "inventory.py").write_text(f"hosts = [('@local', {{'scratch': {said}, 'ssh_port': 22}})]")
    (folder / "provisioned.py").write_text(PROVISIONED.format(answer=answer(RECORD)))
    checks = ["tests/verify", str(folder / "verify"), "--lab", str(folder / "inventory.py")]
    only = ["-k", "test_scratch and not boot", "-p", "provisioned", "-p", "no:cacheprovider"]

    def verify() -> str:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *checks, *only],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONPATH": str(folder)},
            capture_output=True,
            text=True,
        )
        return done.stdout + done.stderr

    assert "verify: hosts=1 verified=1 passed=2 failed=0 skipped=0" in (seen := verify()), seen
    (folder / "inventory.py").write_text(f"hosts = [('@local', {{'scratch': {{**{said}, 'size': '7M'}}}})]")
    assert "verify: hosts=1 verified=0 passed=1 failed=1 skipped=0" in (seen := verify()), seen
    (folder / "inventory.py").write_text("hosts = ['@local']")
    assert "passed=0 failed=0 skipped=2" in (seen := verify()), seen
    assert "@local: its inventory says nothing of scratch" in seen
