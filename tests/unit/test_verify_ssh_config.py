"""The ssh configuration that tests/verify writes for a host."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.verify.ssh_config import render


def effective(tmp_path: Path, text: str, target: str) -> dict[str, str]:
    """What OpenSSH itself makes of the configuration."""
    file = tmp_path / "config"
    file.write_text(text)
    listing = subprocess.run(
        ["ssh", "-G", "-F", str(file), target], capture_output=True, text=True, check=True
    )
    return dict(line.split(" ", 1) for line in listing.stdout.splitlines() if " " in line)


def test_settings_of_the_inventory_reach_ssh(tmp_path: Path) -> None:
    settings = {
        "ssh_port": "2222",
        "ssh_user": "ops",
        "ssh_key": "/keys/my lab",
        "ssh_known_hosts_file": "/keys/known_hosts",
        "ssh_strict_host_key_checking": "yes",
    }
    options = effective(tmp_path, render("10.0.0.11", settings, tmp_path), "10.0.0.11")
    assert options["port"] == "2222"
    assert options["user"] == "ops"
    assert options["identityfile"] == "/keys/my lab"
    assert options["userknownhostsfile"] == "/keys/known_hosts"
    assert options["stricthostkeychecking"] == "true"
    assert options["identitiesonly"] == "yes"


def test_nothing_ever_waits_for_an_answer(tmp_path: Path) -> None:
    assert effective(tmp_path, render("10.0.0.11", {}, tmp_path), "10.0.0.11")["batchmode"] == "yes"


def test_new_host_keys_are_treated_as_pyinfra_treats_them(tmp_path: Path) -> None:
    options = effective(tmp_path, render("10.0.0.11", {}, tmp_path), "10.0.0.11")
    assert options["stricthostkeychecking"] == "accept-new"


def test_relative_paths_start_where_pytest_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert f'IdentityFile "{tmp_path}/keys/id"' in render("10.0.0.11", {"ssh_key": "keys/id"}, tmp_path)


def test_a_percent_sign_in_a_path_is_no_ssh_token(tmp_path: Path) -> None:
    options = effective(tmp_path, render("gpu", {"ssh_key": "/keys/100%hot"}, tmp_path), "gpu")
    assert options["identityfile"].replace("%%", "%") == "/keys/100%hot"


def test_the_users_own_configuration_fills_what_the_inventory_leaves_open(tmp_path: Path) -> None:
    own = tmp_path / "own_config"
    own.write_text("Host gpu\n  HostName 10.0.0.11\n  User somebody\n  Port 2200\n  ProxyJump gate\n")
    text = render("gpu", {"ssh_user": "ops", "ssh_config_file": str(own)}, tmp_path)
    options = effective(tmp_path, text, "gpu")
    assert (options["hostname"], options["user"], options["port"]) == ("10.0.0.11", "ops", "2200")
    assert options["proxyjump"] == "gate"


def test_a_jump_host_does_not_inherit_the_hosts_settings(tmp_path: Path) -> None:
    text = render("gpu", {"ssh_user": "ops", "ssh_port": "2222"}, tmp_path)
    options = effective(tmp_path, text, "gate")
    assert options["port"] == "22"
    assert options["user"] != "ops"
