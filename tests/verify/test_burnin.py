"""Every workbench computes what a CPU computes, on its own and together with the others."""

from __future__ import annotations

import json
import os
import shlex
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from testinfra.backend.base import CommandResult

from . import workbench
from .conftest import PROVISIONED
from .kinds import of_kind
from .provisioned_host import ProvisionedHost

pytestmark = pytest.mark.burnin
DEVICES = {"nvidia": "cuda", "intel": "xpu", "cpu": "cpu"}
# Ranks of a run that was cut off may hold the port of that one for a while.
PORT = 29400 + os.getpid() % 500
SECONDS = 600


@pytest.fixture
def device(request: pytest.FixtureRequest) -> str | None:
    """The device to check in place of each host's own."""
    chosen: str | None = request.config.getoption("burnin_device")
    return chosen


def test_xpu_check_passes(workbench_host: ProvisionedHost, device: str | None) -> None:
    override = [f"--env=XPULAB_DEVICE={device}"] if device else []
    command = ["docker", "exec", "--user=lab", *override, workbench.NAME, "xpu-check", "--json"]
    _assert_passed(workbench_host, _run(workbench_host, command))


def test_all_hosts_of_a_kind_reduce_together(request: pytest.FixtureRequest, device: str | None) -> None:
    groups: dict[str, list[ProvisionedHost]] = defaultdict(list)
    for host in of_kind(request.config.stash[PROVISIONED], "workbench_host"):
        groups[device or workbench.of(host).device or DEVICES[host.record.vendor]].append(host)
    together = {kind: hosts for kind, hosts in groups.items() if len(hosts) > 1}
    if not together:
        pytest.skip("no two hosts have the same kind of device")
    for kind, hosts in together.items():
        for host, result in zip(hosts, _torchrun(hosts, kind), strict=True):
            _assert_passed(host, result)


def _torchrun(hosts: Sequence[ProvisionedHost], device: str) -> list[CommandResult]:
    """xpu-check on all hosts at once, each in a container on its host's own network."""
    # Where the first host is reached from here, the others reach it.
    meeting_place = hosts[0].output("hostname -I | cut -d ' ' -f 1")
    if connection := hosts[0].run("echo $SSH_CONNECTION").stdout.split():
        meeting_place = connection[2]
    commands = [
        _rank_command(host, number, len(hosts), meeting_place, device) for number, host in enumerate(hosts)
    ]
    with ThreadPoolExecutor(len(hosts)) as pool:
        return list(pool.map(_run, hosts, commands))


def _rank_command(host: ProvisionedHost, number: int, of: int, meeting_place: str, device: str) -> list[str]:
    # gloo and NCCL would otherwise take the interface that the host's name stands for: often loopback.
    route = host.output("ip -o route get %s", meeting_place).split()
    interface = route[route.index("dev") + 1]
    if interface == "lo":
        interface = host.output("ip -o address show to %s", meeting_place).split()[1]
    ranks = 1 if device == "cpu" else len(host.record.accelerators)
    return [
        *(
            "docker",
            "run",
            "--rm",
            "--pull=never",
            "--network=host",
            "--ipc=host",
            *_accelerator(host, device),
        ),
        f"--env=XPULAB_DEVICE={device}",
        *(f"--env={name}={interface}" for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")),
        workbench.settings(host)["image"],
        *("torchrun", f"--nnodes={of}", f"--node-rank={number}", f"--nproc-per-node={ranks}"),
        *(f"--master-addr={meeting_place}", f"--master-port={PORT}", "-m", "xpudevice.check", "--json"),
    ]


def _accelerator(host: ProvisionedHost, device: str) -> list[str]:
    if device == "cuda":
        return ["--device=nvidia.com/gpu=all" if host.engine_has_cdi else "--gpus=all"]
    if device == "xpu":
        groups = sorted({f"--group-add={node.gid}" for node in host.render_nodes.values()})
        return ["--device=/dev/dri", "--volume=/dev/dri/by-path:/dev/dri/by-path:ro", *groups]
    return []


def _run(host: ProvisionedHost, command: Sequence[str]) -> CommandResult:
    return host.run(f"timeout {SECONDS} {shlex.join(command)}".replace("%", "%%"), as_root=True)


def _assert_passed(host: ProvisionedHost, result: CommandResult) -> None:
    __tracebackhide__ = True
    start = result.stdout.find("{")
    outcomes = json.loads(result.stdout[start:])["outcomes"] if start >= 0 else []
    failed = [
        f"{each['check']} {each['where']}: {each['detail']}; {each['remedy']}"
        for each in outcomes
        if each["state"] == "failed"
    ]
    assert result.rc == 0, f"{host}: xpu-check ended with {result.rc}:\n" + "\n".join(
        failed or [result.stdout[-1000:], result.stderr[-2000:]]
    )
