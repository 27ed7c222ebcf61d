"""The workbench serves those it should, and nobody else."""

from __future__ import annotations

import json

import pytest

from . import workbench
from .lab import LabHost
from .provisioned_host import ProvisionedHost

pytestmark = pytest.mark.workbench
RUN_AGAIN = "run deploys/workbench.py again"


def test_host_of_a_workbench_can_be_looked_at(lab_host: LabHost) -> None:
    if lab_host.workbench is None:
        pytest.skip(f"the inventory gives {lab_host} no workbench")
    assert lab_host.survey.problem is None, f"{lab_host}: {lab_host.survey.problem}"


@pytest.mark.parametrize(("question", "answer"), [("is-enabled", "enabled"), ("is-active", "active")])
def test_unit_is_running_and_starts_at_boot(
    workbench_host: ProvisionedHost, question: str, answer: str
) -> None:
    found = workbench_host.run("systemctl %s xpulab-workbench.service", question).stdout.strip()
    assert found == answer, (
        f"{workbench_host}: xpulab-workbench.service is {found or 'unknown'}, not {answer}; {RUN_AGAIN}"
    )


def test_container_is_healthy(workbench_host: ProvisionedHost) -> None:
    state = workbench.container(workbench_host)["State"]
    assert (state["Status"], state["Health"]["Status"]) == ("running", "healthy"), (
        f"{workbench_host}: {state['Status']}, {state['Health']['Log'][-1:]}; "
        "see `journalctl -u xpulab-workbench`"
    )


def test_container_runs_the_recorded_image_by_its_digest(workbench_host: ProvisionedHost) -> None:
    recorded = workbench.settings(workbench_host)["image"]
    running = workbench.container(workbench_host)
    assert "@sha256:" in recorded
    assert running["Config"]["Image"] == recorded, f"{workbench_host}: runs another image; {RUN_AGAIN}"
    known = workbench_host.output("docker image inspect --format %s %s", "{{.Id}}", recorded, as_root=True)
    assert running["Image"] == known


def test_docker_logs_shows_the_containers_log(workbench_host: ProvisionedHost) -> None:
    log = workbench_host.output(f"docker logs --tail=20 {workbench.NAME} 2>&1", as_root=True)
    assert log.strip(), f"{workbench_host}: docker logs {workbench.NAME} shows nothing; {RUN_AGAIN}"


def test_it_listens_at_the_inventorys_address_alone(workbench_host: ProvisionedHost) -> None:
    wanted = workbench.of(workbench_host)
    sockets = workbench_host.output("ss -Hltn").splitlines()
    for port in (wanted.jupyter_port, wanted.ssh_port):
        listening = {line.split()[3] for line in sockets if line.split()[3].endswith(f":{port}")}
        addresses = {each.rpartition(":")[0].strip("[]") for each in listening}
        assert addresses == {wanted.bind}, (
            f"{workbench_host}: port {port} is bound to {sorted(addresses)}, not {wanted.bind}; {RUN_AGAIN}"
        )


def test_jupyter_refuses_whoever_has_no_token(workbench_host: ProvisionedHost) -> None:
    for token in (None, "0" * 48):
        status, _ = workbench.http(workbench_host, "/api/contents", token)
        assert status in (401, 403), f"{workbench_host}: JupyterLab lets {token or 'anybody'} in: {status}"


def test_jupyter_lets_the_token_in(workbench_host: ProvisionedHost) -> None:
    status, body = workbench.http(workbench_host, "/api/status", _token(workbench_host))
    assert status == 200, f"{workbench_host}: JupyterLab answers its own token with {status}"
    assert "started" in json.loads(body)


def test_secrets_are_roots_and_in_no_log(workbench_host: ProvisionedHost) -> None:
    folder = f"{workbench.STATE}/etc"
    for name in ("token", "ssh_host_ed25519_key"):
        found = workbench_host.output("stat -c '%%a %%U' %s", f"{folder}/{name}", as_root=True)
        assert found == "600 root", f"{workbench_host}: {folder}/{name} is {found}; {RUN_AGAIN}"
    leaks = {
        "the journal": "journalctl --no-pager --output=cat --unit=xpulab-workbench.service",
        "docker logs": f"docker logs {workbench.NAME} 2>&1",
        "a command line": "ps -ww -eo args",
        "the container's settings": f"docker container inspect {workbench.NAME}",
    }
    for place, command in leaks.items():
        leaked = workbench_host.succeeds(f"{command} | grep -q -F -f %s", f"{folder}/token", as_root=True)
        assert not leaked, f"{workbench_host}: the token stands in {place}"


@pytest.mark.parametrize("user", ["root", "lab", "nobody-of-this-lab"])
def test_sshd_refuses_who_is_not_in_the_inventory(workbench_host: ProvisionedHost, user: str) -> None:
    login = workbench.ssh(workbench_host, user, "true")
    assert login.returncode == 255 and "Permission denied" in login.stderr, (
        f"{workbench_host}: sshd answers {user} with {login.returncode}: {login.stderr.strip()}"
    )


def test_sshd_takes_keys_and_nothing_else(workbench_host: ProvisionedHost) -> None:
    user = next(iter(workbench.of(workbench_host).users))
    login = workbench.ssh(workbench_host, user, "true", "-oPreferredAuthentications=none")
    assert "Permission denied (publickey)." in login.stderr, f"{workbench_host}: {login.stderr.strip()}"


def test_a_users_shell_has_the_environment(workbench_host: ProvisionedHost) -> None:
    user = next(iter(workbench.of(workbench_host).users))
    login = workbench.ssh(
        workbench_host, user, 'python -c "import xpudevice, torch; print(torch.__version__)"'
    )
    if login.returncode == 255 and "Permission denied" in login.stderr:
        pytest.skip(f"no key at hand is one of {user}'s on {workbench_host}")
    assert login.returncode == 0 and login.stdout.strip(), f"{workbench_host}: {login.stderr.strip()[-2000:]}"


def test_homes_lie_on_the_host_and_belong_to_their_users(workbench_host: ProvisionedHost) -> None:
    mounts = {each["Destination"]: each for each in workbench.container(workbench_host)["Mounts"]}
    assert (mounts["/home"]["Source"], mounts["/home"]["RW"]) == (f"{workbench.STATE}/home", True)
    numbers = dict(
        line.split()
        for line in workbench_host.output(f"cat {workbench.STATE}/uids", as_root=True).splitlines()
    )
    for user in workbench.of(workbench_host).users:
        owner = workbench_host.output("stat -c %%u %s", f"{workbench.STATE}/home/{user}", as_root=True)
        assert owner == numbers[user], (
            f"{workbench_host}: {user}'s home belongs to {owner}, not {numbers[user]}"
        )


def test_container_may_do_little_on_its_host(workbench_host: ProvisionedHost) -> None:
    found = workbench.container(workbench_host)
    limits = found["HostConfig"]
    assert not limits["Privileged"]
    assert limits["CapDrop"] == ["ALL"]
    assert not {"SYS_ADMIN", "CAP_SYS_ADMIN", "NET_ADMIN", "CAP_NET_ADMIN"} & set(limits["CapAdd"])
    assert "no-new-privileges" in limits["SecurityOpt"]
    assert {each["Source"] for each in found["Mounts"]} <= {
        f"{workbench.STATE}/etc",
        f"{workbench.STATE}/home",
        "/dev/dri/by-path",
    }


def _token(host: ProvisionedHost) -> str:
    return host.output("cat %s", f"{workbench.STATE}/etc/token", as_root=True)
