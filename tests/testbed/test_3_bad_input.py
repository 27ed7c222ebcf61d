"""Every kind of bad input: a clear error, an exit status, an untouched host, and the others finished."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.testbed.lab import ROOT, Finished, host_data, lab_file, on, provision_lab, pyinfra, state_of

ONE_REFUSED = "xpulab: hosts=2 converged=1 changed=0 refused=1 failed=0"
ONE_FAILED = "xpulab: hosts=2 converged=1 changed=0 refused=0 failed=1"
pytestmark = pytest.mark.usefixtures("provisioned")


@pytest.fixture(scope="module", autouse=True)
def spare_hosts() -> None:
    """odd1 has a card that nobody knows; bare1 is a plain host that stays bare."""
    subprocess.run(["testbed/up", "--fresh", "odd1", "bare1"], cwd=ROOT, check=True)


@pytest.fixture
def untouched() -> Iterator[None]:
    """The bare host is after the test as it was before."""
    before = state_of(["bare1"])
    yield
    assert state_of(["bare1"]) == before


def bare(tmp_path: Path, **change: object) -> Path:
    """A lab of a good host and the bare one, with a change to the latter."""
    return lab_file(tmp_path, "cpu1", "bare1", bare1=change)


def expect(finished: Finished, last_line: str, *words: str) -> None:
    assert finished.last_line == last_line, finished.everything
    assert finished.status == 1
    text = " ".join(finished.output.split())
    for word in words:
        assert word in text, finished.output


def test_a_card_that_the_catalog_does_not_know_is_refused(tmp_path: Path) -> None:
    before = state_of(["odd1"])
    expect(provision_lab(lab_file(tmp_path, "cpu1", "odd1")), ONE_REFUSED, "odd1: ", "10de:ffff")
    assert state_of(["odd1"]) == before


@pytest.mark.usefixtures("untouched")
def test_an_unknown_key_names_file_host_and_key(tmp_path: Path) -> None:
    file = bare(tmp_path, polcy={"torch": "2.14"})
    expect(provision_lab(file), ONE_REFUSED, f"{file}: hosts.bare1: polcy: unknown key")


@pytest.mark.usefixtures("untouched")
def test_an_unknown_value_names_what_is_allowed(tmp_path: Path) -> None:
    finished = provision_lab(bare(tmp_path, policy={"engine": "podman"}))
    expect(finished, ONE_REFUSED, "hosts.bare1: policy.engine", "'docker.io' or 'docker-ce'", "'podman'")


def test_a_lab_file_that_is_no_lab_stops_before_anything(tmp_path: Path) -> None:
    file = tmp_path / "lab.yml"
    file.write_text("lab: x\nhosts: {a: {}}\nhots: {}\n")
    finished = provision_lab(file)
    assert finished.status != 0
    assert f"{file}: hots: unknown key" in finished.everything


def test_an_unreachable_host_fails_and_is_named(tmp_path: Path) -> None:
    file = bare(tmp_path, address="127.0.10.99")
    expect(provision_lab(file), ONE_FAILED, "bare1: no connection: ")


@pytest.mark.usefixtures("untouched")
def test_a_changed_ssh_host_key_fails(tmp_path: Path) -> None:
    file = bare(tmp_path)
    known = (ROOT / ".testbed" / "known_hosts").read_text().splitlines()
    keys = {line.split()[0].split(",")[1]: line.split(maxsplit=1)[1] for line in known}
    address = host_data("bare1")["bare1"]["ssh_hostname"]
    swapped = tmp_path / "known_hosts"
    swapped.write_text(
        "\n".join([*(x for x in known if not x.startswith(address)), f"{address} {keys['cpu1']}"])
    )
    file = lab_file(tmp_path, "cpu1", "bare1", bare1={"ssh_known_hosts": str(swapped)})
    finished = provision_lab(file)
    expect(finished, ONE_FAILED, "bare1: no connection: ")
    assert "host key" in finished.errors.lower()


def test_a_user_without_sudo_is_told_what_is_needed(tmp_path: Path) -> None:
    on(
        "bare1",
        "id guest 2>/dev/null || useradd --create-home --shell /bin/sh guest; mkdir -p /home/guest/.ssh; "
        "cp /home/ops/.ssh/authorized_keys /home/guest/.ssh/; chown -R guest /home/guest/.ssh",
    )
    before = state_of(["bare1"])
    expect(provision_lab(bare(tmp_path, ssh_user="guest")), ONE_FAILED, "bare1: its probe failed", "sudo")
    assert state_of(["bare1"]) == before
    on("bare1", "userdel -r guest 2>/dev/null")


def test_an_operating_system_that_is_not_supported_is_refused(tmp_path: Path) -> None:
    on("bare1", "cp /etc/os-release /root/os-release && sed -i 's/22.04/18.04/' /etc/os-release")
    before = state_of(["bare1"])
    expect(provision_lab(bare(tmp_path)), ONE_REFUSED, "bare1: ", "ubuntu-18.04", "Ubuntu 22.04")
    assert state_of(["bare1"]) == before
    on("bare1", "cat /root/os-release > /etc/os-release")


def test_an_apt_key_of_another_fingerprint_leaves_the_host_untouched(tmp_path: Path) -> None:
    before = state_of(["bare1"])
    pinned = {"docker": {"fingerprints": ["A" * 40]}}
    file = bare(tmp_path, policy={"engine": "docker-ce"}, repositories=pinned)
    refused = provision_lab(file)
    expect(refused, ONE_REFUSED, "bare1: the apt key at https://download.docker.com", "A" * 40)
    assert "Traceback" not in refused.errors
    assert state_of(["bare1"]) == before


def test_an_image_that_does_not_exist_leaves_the_host_untouched(tmp_path: Path) -> None:
    before = state_of(["bare1"])
    image = {"intel/pytorch:cpu-2.11.0-ubuntu24.04": {"digest": f"sha256:{'a' * 64}", "disk_gb": 1}}
    expect(provision_lab(bare(tmp_path, images=image)), ONE_REFUSED, "bare1: ", "there is no such image")
    assert state_of(["bare1"]) == before


@pytest.mark.usefixtures("untouched")
def test_a_torch_that_no_image_has_is_refused_with_those_that_would_work(tmp_path: Path) -> None:
    expect(provision_lab(bare(tmp_path, policy={"torch": "1.0"})), ONE_REFUSED, "bare1: ", "1.0", "2.11")


@pytest.mark.usefixtures("untouched")
def test_too_little_disk_is_refused_before_the_pull_with_both_numbers(tmp_path: Path) -> None:
    image = {"intel/pytorch:cpu-2.11.0-ubuntu24.04": {"disk_gb": 1000}}
    expect(provision_lab(bare(tmp_path, images=image)), ONE_REFUSED, "bare1: ", "1000", "GB")


def test_a_docker_from_a_snap_is_refused(tmp_path: Path) -> None:
    on("bare1", "mkdir -p /snap/bin && touch /snap/bin/docker")
    before = state_of(["bare1"])
    expect(provision_lab(bare(tmp_path)), ONE_REFUSED, "bare1: ", "snap")
    assert state_of(["bare1"]) == before
    on("bare1", "rm -r /snap")


def test_a_daemon_json_that_is_not_json_is_refused(tmp_path: Path) -> None:
    on("bare1", "mkdir -p /etc/docker && echo '{,}' > /etc/docker/daemon.json")
    before = state_of(["bare1"])
    expect(provision_lab(bare(tmp_path)), ONE_REFUSED, "bare1: /etc/docker/daemon.json")
    assert state_of(["bare1"]) == before
    on("bare1", "rm -r /etc/docker")


@pytest.mark.usefixtures("untouched")
def test_a_user_that_the_host_does_not_have_is_refused(tmp_path: Path) -> None:
    expect(provision_lab(bare(tmp_path, users=["nobody-here"])), ONE_REFUSED, "bare1: user 'nobody-here'")


SLEEPING_PACKAGE = """
set -eu
mkdir -p /root/sleeping/DEBIAN
cat > /root/sleeping/DEBIAN/control <<END
Package: sleeping
Version: 1
Architecture: all
Maintainer: nobody <nobody@example.org>
Description: holds the lock of dpkg for a while
END
printf '#!/bin/sh\nsleep @SECONDS@\n' > /root/sleeping/DEBIAN/preinst
chmod 755 /root/sleeping/DEBIAN/preinst
dpkg-deb --build /root/sleeping /root/sleeping.deb >/dev/null
(apt-get install -y --reinstall /root/sleeping.deb >/dev/null 2>&1 &)
"""


def hold_apt(seconds: int) -> None:
    on("bare1", SLEEPING_PACKAGE.replace("@SECONDS@", str(seconds)))
    time.sleep(3)


def test_an_apt_locked_for_too_long_fails_and_names_the_process(tmp_path: Path) -> None:
    hold_apt(30)
    file = bare(tmp_path, policy={"apt_lock_wait": 3})
    finished = provision_lab(file)
    expect(finished, ONE_FAILED, "bare1: ", "apt is still locked by process", "after 3 seconds")
    assert "apt is locked by process" in finished.errors


def test_an_apt_locked_for_a_while_is_waited_for(tmp_path: Path) -> None:
    while "sleep" in on("bare1", "ps -e -o comm"):
        time.sleep(1)
    hold_apt(12)
    finished = provision_lab(bare(tmp_path))
    assert finished.last_line == "xpulab: hosts=2 converged=2 changed=1 refused=0 failed=0", (
        finished.everything
    )
    assert "waiting for it" in finished.errors


def test_a_policy_that_forbids_a_reboot_fails_the_host_and_says_so(tmp_path: Path) -> None:
    subprocess.run(["testbed/up", "--fresh", "nv1"], cwd=ROOT, check=True)
    file = lab_file(tmp_path, "cpu1", "nv1", nv1={"policy": {"reboot": "never"}})
    expect(
        provision_lab(file), "xpulab: hosts=2 converged=1 changed=1 refused=0 failed=1", "nv1: needs a reboot"
    )


def test_local_is_an_inventory_too() -> None:
    survey = pyinfra("-y", "@local", "deploys/survey.py")
    assert "xpulab: hosts=1 " in survey.last_line, survey.everything


def test_a_host_that_speaks_no_ssh_fails_alone(tmp_path: Path) -> None:
    with socket.create_server(("127.0.10.98", 22)) as server:

        def answer() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    client.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        finished = provision_lab(bare(tmp_path, address="127.0.10.98"))
    expect(finished, ONE_FAILED, "bare1: no connection: ")
