"""Provisioning a bare lab, in the order in which an owner goes. Later modules build on these hosts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.testbed.conftest import HOSTS
from tests.testbed.lab import (
    ROOT,
    TESTBED_HOSTS,
    Finished,
    bytes_over_network,
    commands_over_ssh,
    newest_package_list,
    on,
    provision,
    pyinfra,
    service_starts,
    state_of,
)

BYTES_OF_A_LOOK = 80_000
COMMANDS_OF_A_DRIFTED_FILE = 5


def test_a_dry_run_shows_the_plan_in_words_and_changes_nothing(before_first_run: dict[str, str]) -> None:
    dry = pyinfra("--dry", "inventories/testbed.py", "deploys/xpu.py")
    assert dry.status == 0, dry.everything
    assert dry.last_line == "xpulab: hosts=4 converged=0 changed=0 refused=0 failed=0 drifted=4"
    assert "reboot nvidia: nouveau holds the device" in dry.output
    assert "package libze-intel-gpu1: not there → installed" in dry.output
    assert state_of(HOSTS) == before_first_run


def test_a_survey_says_the_same_and_changes_nothing(before_first_run: dict[str, str]) -> None:
    survey = pyinfra("-y", "inventories/testbed.py", "deploys/survey.py")
    assert survey.status == 0, survey.everything
    assert survey.last_line == "xpulab: hosts=4 converged=0 changed=0 refused=0 failed=0 drifted=4"
    assert "pytorch/pytorch:2.14.1-cuda13.0-cudnn9-runtime" in survey.output
    assert state_of(HOSTS) == before_first_run


def test_the_first_run_converges_all_four(before_first_run: dict[str, str], first_run: Finished) -> None:
    assert first_run.last_line == "xpulab: hosts=4 converged=4 changed=4 refused=0 failed=0", (
        first_run.everything
    )
    assert first_run.status == 0


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_has_one_apt_update_and_one_apt_install(provisioned: Finished, host: str) -> None:
    history = on(host, "cat /var/log/apt/history.log")
    assert history.count("Commandline: apt-get") == 1
    assert f"[{host}]" in provisioned.errors
    assert provisioned.errors.count(f"[{host}]".ljust(9) + "apt: ") == 2  # its start and its end


def test_what_stood_in_daemon_json_survives_the_merge(provisioned: Finished) -> None:
    settings = json.loads(on("nv1", "cat /etc/docker/daemon.json"))
    assert settings["log-opts"] == {"max-size": "10m"}
    assert settings["features"]["cdi"] is True
    assert settings["runtimes"]["nvidia"]["path"] == "nvidia-container-runtime"


def test_a_foreign_source_of_the_toolkit_is_out_of_use(provisioned: Finished) -> None:
    assert on("nv1", "cat /etc/apt/sources.list.d/nvidia-docker.list").startswith("# disabled by xpulab: deb")


def test_a_second_run_changes_nothing_with_one_remote_command_per_host(provisioned: Finished) -> None:
    before = {host: commands_over_ssh(host) for host in HOSTS}
    second = provision()
    assert second.last_line == "xpulab: hosts=4 converged=4 changed=0 refused=0 failed=0", second.everything
    assert second.status == 0
    assert {host: commands_over_ssh(host) - before[host] for host in HOSTS} == dict.fromkeys(HOSTS, 1)


def test_a_second_run_is_light_on_the_network_and_asks_no_server(provisioned: Finished) -> None:
    lists = {host: newest_package_list(host) for host in HOSTS}
    before = {host: bytes_over_network(host) for host in HOSTS}
    provision()
    used = {host: bytes_over_network(host) - before[host] for host in HOSTS}
    assert max(used.values()) < BYTES_OF_A_LOOK, used
    assert {host: newest_package_list(host) for host in HOSTS} == lists


def test_a_drifted_file_costs_few_commands_no_package_list_and_no_restart(provisioned: Finished) -> None:
    for host in HOSTS:
        on(host, "echo '# mine' >> /etc/apt/apt.conf.d/99xpulab-lock-timeout")
    lists = {host: newest_package_list(host) for host in HOSTS}
    services = {host: service_starts(host) for host in HOSTS}
    commands = {host: commands_over_ssh(host) for host in HOSTS}
    repaired = provision()
    assert repaired.last_line == "xpulab: hosts=4 converged=4 changed=4 refused=0 failed=0", (
        repaired.everything
    )
    used = {host: commands_over_ssh(host) - commands[host] for host in HOSTS}
    assert max(used.values()) <= COMMANDS_OF_A_DRIFTED_FILE, used
    assert {host: newest_package_list(host) for host in HOSTS} == lists
    assert {host: service_starts(host) for host in HOSTS} == services


def test_verify_passes_on_every_host(provisioned: Finished, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    done = subprocess.run(
        [
            *[sys.executable, "-m", "pytest", "tests/verify", "--lab", str(TESTBED_HOSTS)],
            *["-n", "4", "-q", "--junitxml", str(report), "-p", "no:cacheprovider"],
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert all(host in report.read_text() for host in HOSTS)


def test_vagrants_own_inventory_finds_the_same_converged_lab(provisioned: Finished) -> None:
    vagrant = pyinfra("-y", "@vagrant", "deploys/xpu.py")
    assert vagrant.last_line == "xpulab: hosts=4 converged=4 changed=0 refused=0 failed=0", vagrant.everything


def test_vagrant_accepts_the_vagrantfile() -> None:
    done = subprocess.run(["vagrant", "validate"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
