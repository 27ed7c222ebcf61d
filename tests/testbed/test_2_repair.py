"""What a later run does about a host that was changed behind its back, interrupted, or booted."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.testbed.conftest import HOSTS
from tests.testbed.lab import ROOT, TESTBED_HOSTS, Finished, lab_file, on, provision, provision_lab

UNCHANGED = "xpulab: hosts=4 converged=4 changed=0 refused=0 failed=0"
ONE_CHANGED = "xpulab: hosts=4 converged=4 changed=1 refused=0 failed=0"
pytestmark = pytest.mark.usefixtures("provisioned")


def wait_until(true: Callable[[], bool], seconds: int = 90) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.3)


def is_up(host: str) -> bool:
    return on(host, "systemctl is-system-running", check=False).strip() in ("running", "degraded")


def boot_of(host: str) -> str:
    return on(host, "cut -d ' ' -f 22 /proc/1/stat", check=False)


def test_a_reboot_of_every_host_leaves_nothing_to_do() -> None:
    before = {host: boot_of(host) for host in HOSTS}
    for host in HOSTS:
        on(host, "systemctl reboot", check=False)
    wait_until(lambda: all(boot_of(host) not in ("", before[host]) and is_up(host) for host in HOSTS))
    wait_until(
        lambda: "active" in on("nv1", "systemctl is-active nvidia-cdi-refresh.path docker", check=False)
    )
    again = provision()
    assert again.last_line == UNCHANGED, again.everything


def test_a_package_removed_by_hand_comes_back() -> None:
    on("intel1", "apt-get remove -y libze-intel-gpu1")
    repaired = provision()
    assert repaired.last_line == ONE_CHANGED, repaired.everything
    assert "ii" in on("intel1", "dpkg-query -W -f '${db:Status-Abbrev}' libze-intel-gpu1")


def test_a_file_changed_by_hand_comes_back() -> None:
    on("cpu1", "echo '# mine' >> /etc/apt/apt.conf.d/99xpulab-lock-timeout")
    repaired = provision()
    assert repaired.last_line == ONE_CHANGED, repaired.everything
    assert "mine" not in on("cpu1", "cat /etc/apt/apt.conf.d/99xpulab-lock-timeout")


def test_a_toolkit_package_of_another_version_goes_back_to_the_exact_one() -> None:
    names = "nvidia-container-toolkit nvidia-container-toolkit-base libnvidia-container-tools"
    older = " ".join(f"{name}=1.19.1-1" for name in [*names.split(), "libnvidia-container1"])
    on("nv1", f"apt-get install -y --allow-downgrades {older}")
    repaired = provision()
    assert repaired.last_line == ONE_CHANGED, repaired.everything


def test_a_stopped_and_disabled_service_runs_again() -> None:
    on("cpu1", "systemctl disable --now docker.service docker.socket")
    repaired = provision()
    assert repaired.last_line == ONE_CHANGED, repaired.everything
    assert on("cpu1", "systemctl is-enabled docker").strip() == "enabled"


def test_docker_restarts_when_its_settings_are_newer_than_its_start_and_only_then() -> None:
    on("nv1", "touch /etc/docker/daemon.json")
    assert provision().last_line == ONE_CHANGED
    assert provision().last_line == UNCHANGED


def test_an_engine_that_the_inventory_names_takes_the_place_of_the_one_that_is_there_and_stays(
    tmp_path: Path,
) -> None:
    docker_ce = lab_file(tmp_path, "cpu1", cpu1={"policy": {"engine": "docker-ce"}})
    changed = provision_lab(docker_ce)
    assert changed.last_line == "xpulab: hosts=1 converged=1 changed=1 refused=0 failed=0", changed.everything
    installed = on(
        "cpu1", "dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' docker-ce docker.io", check=False
    )
    assert "docker-ce ii" in installed
    assert "docker.io ii" not in installed
    assert provision().last_line == UNCHANGED
    back = provision_lab(lab_file(tmp_path, "cpu1", cpu1={"policy": {"engine": "docker.io"}}))
    assert back.last_line == "xpulab: hosts=1 converged=1 changed=1 refused=0 failed=0", back.everything


def test_nothing_is_taken_from_under_a_container_until_the_inventory_allows_it(tmp_path: Path) -> None:
    image = on("cpu1", "docker image ls -q | head -n 1").strip()
    on("cpu1", f"docker run -d --name of-others {image} sleep 600")
    on("cpu1", "echo '{}' >/etc/docker/daemon.json")
    refused = provision_lab(lab_file(tmp_path, "cpu1"))
    assert refused.last_line == "xpulab: hosts=1 converged=0 changed=0 refused=1 failed=0", refused.everything
    assert "container of-others runs" in refused.output and "in_use: interrupt" in refused.output
    assert on("cpu1", "docker ps --format '{{.Names}}'").strip() == "of-others"
    allowed = provision_lab(lab_file(tmp_path, "cpu1", cpu1={"policy": {"in_use": "interrupt"}}))
    assert allowed.last_line == "xpulab: hosts=1 converged=1 changed=1 refused=0 failed=0", allowed.everything
    on("cpu1", "docker rm -f of-others; rm /etc/docker/daemon.json")


def test_the_old_lts_channel_brings_the_old_names_and_the_current_one_swaps_them_back(tmp_path: Path) -> None:
    old = lab_file(tmp_path, "max1", max1={"policy": {"intel_channel": "lts/2350"}})
    changed = provision_lab(old)
    assert changed.last_line == "xpulab: hosts=1 converged=1 changed=1 refused=0 failed=0", changed.everything
    names = on("max1", "dpkg-query -W -f '${Package} ${db:Status-Status}\n'")
    assert "intel-level-zero-gpu installed" in names
    assert "libze-intel-gpu1 installed" not in names
    assert provision().last_line == ONE_CHANGED
    assert "intel-level-zero-gpu installed" not in on(
        "max1", "dpkg-query -W -f '${Package} ${db:Status-Status}\n'"
    )


def test_a_run_killed_in_the_middle_of_apt_is_finished_by_the_next_one(tmp_path: Path) -> None:
    on("cpu1", "apt-get purge -y docker.io docker-cli containerd runc && rm -rf /etc/xpulab")
    killed = subprocess.Popen(
        [sys.executable, "-m", "pyinfra", "-y", str(TESTBED_HOSTS), "deploys/xpu.py", "--limit", "cpu1"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: "dpkg" in on("cpu1", "ps -e -o comm", check=False))
    on("cpu1", "pkill -9 apt-get; pkill -9 dpkg; true")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    finished = provision()
    assert finished.last_line == ONE_CHANGED, finished.everything
    assert on("cpu1", "dpkg --audit") == ""


def test_a_host_that_dies_in_mid_run_fails_alone_and_converges_later() -> None:
    on("cpu1", "apt-get purge -y docker.io docker-cli containerd runc")
    on("intel1", "rm -rf /etc/xpulab")
    running = subprocess.Popen(
        [sys.executable, "-m", "pyinfra", "-y", str(TESTBED_HOSTS), "deploys/xpu.py"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_until(lambda: "dpkg" in on("cpu1", "ps -e -o comm", check=False))
    subprocess.run(["docker", "kill", "xpulab-cpu1"], check=True, capture_output=True)
    output, _ = running.communicate(timeout=300)
    assert output.splitlines()[-1] == "xpulab: hosts=4 converged=3 changed=1 refused=0 failed=1", output
    assert "cpu1: apt: 1 to install: lost the connection to the host" in output
    assert running.returncode == 1
    subprocess.run(["docker", "start", "xpulab-cpu1"], check=True, capture_output=True)
    wait_until(lambda: is_up("cpu1"))
    later = provision()
    assert later.last_line == ONE_CHANGED, later.everything


def test_nothing_is_left_to_do_after_all_this(provisioned: Finished) -> None:
    assert provision().last_line == UNCHANGED
