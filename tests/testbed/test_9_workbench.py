"""Workbenches on the four hosts: brought up, looked at from outside, trained on, broken and upgraded."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.testbed.conftest import HOSTS
from tests.testbed.jupyter import browser_page, run_cell, tunnel
from tests.testbed.lab import (
    ROOT,
    TESTBED_HOSTS,
    Finished,
    commands_over_ssh,
    host_data,
    lab_file,
    on,
    pyinfra,
    reboots,
)

NAME = "xpulab-workbench"
STATE = "/var/lib/xpulab/workbench"
UNCHANGED = "xpulab: hosts=1 converged=1 changed=0 refused=0 failed=0"
CHANGED = "xpulab: hosts=1 converged=1 changed=1 refused=0 failed=0"
FAILED = "xpulab: hosts=1 converged=0 changed=0 refused=0 failed=1"
REFUSED = "xpulab: hosts=1 converged=0 changed=0 refused=1 failed=0"
# The host that is mistreated, and the one that makes images for it, as a builder keeps what they are made of.
HOST, MAKER = "intel1", "nv1"
KEEPSAKE = f"{STATE}/home/ops/keepsake"


@pytest.fixture(scope="module")
def workbenches(provisioned: Finished, with_workbenches: None) -> Finished:
    """The four hosts with their workbenches; the images are built first, unless they are there."""
    built = pyinfra("-y", "inventories/testbed.py", "deploys/workbench_images.py")
    assert built.status == 0, built.everything
    return pyinfra("-y", "inventories/testbed.py", "deploys/workbench.py")


pytestmark = pytest.mark.usefixtures("workbenches")


@pytest.fixture
def keepsake() -> Iterator[None]:
    """A file in a home on the host, and the secrets that were made once: all of it must survive the test."""
    look = (
        f"cat {KEEPSAKE} && stat -c '%u %a' {KEEPSAKE} && sha256sum {STATE}/etc/token {STATE}/etc/ssh_host_*"
    )
    on(HOST, f"docker exec --user ops {NAME} sh -c 'umask 077; date +%N >/home/ops/keepsake'")
    before = on(HOST, look)
    yield
    assert on(HOST, look) == before


def deploy(folder: Path, host: str, images: dict[str, Any] | None = None, **workbench: Any) -> Finished:
    """Run the deploy on one host, with changes to what the inventory says of its workbench and of images."""
    told = {**host_data(host)[host]["workbench"], **workbench}
    file = lab_file(folder, host, images=images or {}, **{host: {"workbench": told}})
    return pyinfra("-y", "inventory.py", "deploys/workbench.py", XPULAB_LAB=str(file))


def container(host: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(on(host, f"docker container inspect {NAME}"))
    return found[0]


def health(host: str) -> str:
    template = "{{.State.Health.Status}}"
    return on(host, f"docker container inspect --format '{template}' {NAME}", check=False).strip()


def wait_until_healthy(host: str, seconds: float = 120) -> None:
    limit = time.monotonic() + seconds
    while health(host) != "healthy":
        assert time.monotonic() < limit, on(host, f"systemctl status {NAME}; docker ps -a", check=False)
        time.sleep(1)


def reference_of(host: str) -> str:
    """The reference that the host's image was pulled by, from what the deploy noted."""
    return on(host, f"head -n 1 {STATE}/images").strip()


def verify(*arguments: str) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "tests/verify", "--lab", str(TESTBED_HOSTS), *arguments),
            *("-n", "4", "-q", "-p", "no:cacheprovider"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "verify: hosts=4 verified=4" in done.stdout


def test_one_run_brings_four_healthy_workbenches(workbenches: Finished) -> None:
    assert workbenches.status == 0, workbenches.everything
    assert workbenches.last_line.startswith("xpulab: hosts=4 converged=4 "), workbenches.everything
    assert {host: health(host) for host in HOSTS} == dict.fromkeys(HOSTS, "healthy")


def test_a_second_run_changes_nothing_with_one_remote_command_per_host() -> None:
    before = {host: commands_over_ssh(host) for host in HOSTS}
    second = pyinfra("-y", "inventories/testbed.py", "deploys/workbench.py")
    assert second.last_line == "xpulab: hosts=4 converged=4 changed=0 refused=0 failed=0", second.everything
    assert {host: commands_over_ssh(host) - before[host] for host in HOSTS} == dict.fromkeys(HOSTS, 1)


def test_verify_finds_every_workbench_as_it_should_be() -> None:
    verify("-m", "workbench")


def test_burn_in_passes_on_each_host_and_on_all_together() -> None:
    # The cards are made up: what computes for real here is the CPU.
    verify("-m", "burnin", "--burnin-device", "cpu")


def test_a_researcher_opens_jupyterlab_and_asks_for_the_device() -> None:
    token = on("cpu1", f"cat {STATE}/etc/token").strip()
    with tunnel("cpu1", 8888) as address, browser_page() as page:
        page.goto(f"{address}/lab")
        assert "/login" in page.url
        page.goto(f"{address}/lab?reset&token={token}")
        said = run_cell(page, "import xpudevice; xpudevice.describe()")
        assert "cpu" in said and "2.13" in said
        if folder := os.environ.get("XPULAB_SCREENSHOTS"):
            page.screenshot(path=f"{folder}/workbench-jupyterlab.png")


def docs_block(language: str, word: str) -> str:
    """The code block of docs/workbench.md that has a word in it."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs/workbench.md").read_text(), re.S)
    (block,) = [each for each in blocks if word in each]
    return str(block)


def in_workbench(host: str, command: str) -> subprocess.Popen[str]:
    """A command of the user ops in a host's workbench, through its sshd."""
    data = host_data(host)[host]
    hop = ["ssh", "-F", "/dev/null", "-oBatchMode=yes", "-i", data["ssh_key"]]
    known = f"-oUserKnownHostsFile={data['ssh_known_hosts_file']}"
    proxy = " ".join([*hop, known, "-W", "127.0.0.1:2222", f"ops@{data['ssh_hostname']}"])
    login = [*hop, "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR"]
    return subprocess.Popen(
        [*login, f"-oProxyCommand={proxy}", "ops@workbench", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(process: subprocess.Popen[str], text: str = "") -> str:
    output, _ = process.communicate(text, timeout=240)
    assert process.returncode == 0, output
    return output


def test_the_docs_training_script_runs_on_two_processes_of_one_host() -> None:
    finished(in_workbench("cpu1", "cat >train.py"), docs_block("python", "DistributedDataParallel"))
    output = finished(in_workbench("cpu1", "OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 train.py"))
    assert "2 ranks agree" in output


def test_the_docs_training_script_runs_across_two_hosts() -> None:
    address = on("intel1", "getent ahostsv4 intel1").split()[0]
    for host in ("intel1", "max1"):
        finished(in_workbench(host, "cat >train.py"), docs_block("python", "DistributedDataParallel"))
    # Ranks of a run that was cut off may hold the port of that one for a while.
    port = 29500 + os.getpid() % 500
    ranks = [
        in_workbench(
            host,
            "OMP_NUM_THREADS=1 XPULAB_DEVICE=cpu workbench torchrun --nnodes 2 --nproc-per-node 1 "
            f"--node-rank {number} --master-addr {address} --master-port {port} train.py",
        )
        for number, host in enumerate(("intel1", "max1"))
    ]
    output = [finished(each) for each in ranks]
    assert "2 ranks agree" in output[0]


@pytest.mark.usefixtures("keepsake")
def test_a_killed_container_comes_back_by_itself() -> None:
    before = container(HOST)["Id"]
    on(HOST, f"docker kill {NAME}")
    wait_until_healthy(HOST)
    assert container(HOST)["Id"] != before


@pytest.mark.usefixtures("keepsake")
def test_a_container_stopped_by_hand_stays_so_until_the_next_run(tmp_path: Path) -> None:
    on(HOST, f"docker stop {NAME}")
    time.sleep(1)
    assert not on(HOST, "docker ps --quiet")
    assert deploy(tmp_path, HOST).last_line == CHANGED
    assert health(HOST) == "healthy"


@pytest.mark.usefixtures("keepsake")
def test_a_reboot_brings_the_workbench_back() -> None:
    before = reboots(HOST)
    on(HOST, "(sleep 1; systemctl reboot) >/dev/null 2>&1 &")
    limit = time.monotonic() + 60
    while reboots(HOST) == before:
        assert time.monotonic() < limit
        time.sleep(1)
    wait_until_healthy(HOST)


def made_of(lines: str) -> tuple[str, str]:
    """An image on top of the host's own, pushed: its digest, and the digest of the one it is made of."""
    own = container(HOST)["Config"]["Image"]
    dockerfile = base64.b64encode(f"FROM {own}\nUSER 0\n{lines}\nUSER lab\n".encode()).decode()
    new = f"registry.lab.test/xpulab-workbench:{hashlib.sha256(lines.encode()).hexdigest()[:12]}"
    on(MAKER, f"echo {dockerfile} | base64 -d | docker build --quiet --tag {new} -")
    on(MAKER, f"docker push --quiet {new}")
    template = '{{join .RepoDigests " "}}'
    digests = on(MAKER, f"docker image inspect --format '{template}' {new}")
    on(MAKER, f"docker image rm {new}")
    return re.findall(r"sha256:[0-9a-f]{64}", digests)[-1], own.rpartition("@")[2]


@pytest.mark.usefixtures("keepsake")
def test_an_upgrade_switches_and_forgets_the_image_before(tmp_path: Path) -> None:
    digest, before = made_of("RUN touch /upgraded")
    upgraded = deploy(tmp_path, HOST, {reference_of(HOST): {"digest": digest}})
    assert upgraded.last_line == CHANGED, upgraded.everything
    assert container(HOST)["Config"]["Image"].endswith(digest)
    assert on(HOST, f"docker exec {NAME} ls /upgraded")
    assert before not in on(HOST, "docker image ls --digests")
    back = deploy(tmp_path, HOST)
    assert back.last_line == CHANGED, back.everything
    assert container(HOST)["Config"]["Image"].endswith(before)


@pytest.mark.usefixtures("keepsake")
def test_an_image_that_does_not_get_healthy_gives_way_to_the_one_before(tmp_path: Path) -> None:
    fails = (
        """RUN printf '%s\\n' '#!/bin/sh' '[ $# = 0 ] || exec "$@"' 'echo no licence' 'exit 9' """
        ">/usr/local/bin/workbench"
    )
    digest, before = made_of(fails)
    failed = deploy(tmp_path, HOST, {reference_of(HOST): {"digest": digest}})
    assert failed.last_line == FAILED, failed.everything
    assert "did not get healthy" in failed.output and "no licence" in failed.output
    assert "the one before it runs again" in failed.output
    assert health(HOST) == "healthy"
    assert container(HOST)["Config"]["Image"].endswith(before)
    assert deploy(tmp_path, HOST).last_line == UNCHANGED


@pytest.fixture
def undisturbed() -> Iterator[None]:
    """The container on the host after the test is the one before it."""
    before = container(HOST)["Id"]
    yield
    assert container(HOST)["Id"] == before
    assert health(HOST) == "healthy"


def expect(finished: Finished, last_line: str, *words: str) -> None:
    assert finished.last_line == last_line, finished.everything
    for word in words:
        assert word in " ".join(finished.output.split()), finished.output


@pytest.mark.usefixtures("undisturbed")
def test_a_user_without_a_key_is_named(tmp_path: Path) -> None:
    expect(deploy(tmp_path, HOST, users={"anna": []}), REFUSED, "workbench.users.anna: has no public key")


@pytest.mark.usefixtures("undisturbed")
def test_a_port_in_use_is_named_with_its_program(tmp_path: Path) -> None:
    # Port 22 is sshd's on every host.
    expect(deploy(tmp_path, HOST, jupyter_port=22), FAILED, "port 22 of 127.0.0.1 is in use", "sshd")


@pytest.mark.usefixtures("undisturbed")
def test_an_image_that_is_not_built_is_refused_with_the_command_that_builds_it(tmp_path: Path) -> None:
    unbuilt = deploy(tmp_path, HOST, registry="registry.lab.test/elsewhere")
    expect(unbuilt, REFUSED, "is not built", "deploys/workbench_images.py")


@pytest.mark.usefixtures("undisturbed")
def test_an_image_that_the_registry_has_lost_fails_before_anything_is_stopped(tmp_path: Path) -> None:
    lost = deploy(tmp_path, HOST, {reference_of(HOST): {"digest": f"sha256:{'b' * 64}"}})
    expect(lost, FAILED, "the registry does not answer, or does not have the image")


@pytest.mark.usefixtures("undisturbed")
def test_an_image_that_does_not_run_fails_before_anything_is_stopped(tmp_path: Path) -> None:
    digest, _ = made_of("RUN rm -f /usr/local/bin/workbench")
    broken = deploy(tmp_path, HOST, {reference_of(HOST): {"digest": digest}})
    expect(broken, FAILED, "switch xpulab-workbench", "/usr/local/bin/workbench")


@pytest.mark.usefixtures("undisturbed")
def test_too_little_space_for_homes_or_image_is_told_with_both_numbers(tmp_path: Path) -> None:
    on(HOST, f"mount -t tmpfs -o size=1m tmpfs {STATE}/home")
    try:
        crowded = deploy(tmp_path, HOST, shm_gb=1)
    finally:
        on(HOST, f"umount {STATE}/home")
    expect(crowded, FAILED, "the users' files needs 1000 MB of free disk space", "has 1 MB")
    vast = {reference_of(HOST): {"digest": f"sha256:{'c' * 64}", "disk_gb": 900}}
    expect(deploy(tmp_path, HOST, vast), FAILED, "the image needs", "MB of free disk space")


@pytest.mark.usefixtures("undisturbed")
def test_a_device_that_the_host_does_not_have_is_refused(tmp_path: Path) -> None:
    refused = deploy(tmp_path, HOST, device="cuda")
    expect(refused, REFUSED, "workbench.device is cuda, and this host has Intel Arc A770 Graphics")
