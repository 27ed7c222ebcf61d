"""Bring the lab up and wait until its hosts can be worked with."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from vlab.build import build
from vlab.command import TestbedError, attempt, run
from vlab.hosts import Host, Lab, load_lab
from vlab.lab import make_volumes, remove_host
from vlab.places import CLIENT_KEY, KNOWN_HOSTS, ROOT, container_name, host_image
from vlab.steps import say

PATIENCE_S = 120


def up(lab: Lab, hosts: list[Host], fresh: bool) -> None:
    """Start the hosts that do not run, with empty disks when `fresh`, and wait for all of them."""
    build()
    outdated = [host for host in hosts if fresh or _outdated(host)]
    for host in outdated:
        say(f"{host.name} is made afresh")
        remove_host(host)
    make_volumes(outdated)
    stopped = [host for host in hosts if not _running(host)]
    if stopped:
        say(f"starting {', '.join(host.name for host in stopped)}")
        _vagrant_up(stopped)
    with ThreadPoolExecutor(max(4, len(hosts))) as waiting:
        for waited in [waiting.submit(_wait, lab, host) for host in hosts]:
            waited.result()


def _running(host: Host) -> bool:
    state = attempt(["docker", "inspect", "--format", "{{.State.Running}}", container_name(host.name)])
    return state.stdout.strip() == "true"


def _outdated(host: Host) -> bool:
    """Return whether the host runs from another image than the clone now holds."""
    used = attempt(["docker", "inspect", "--format", "{{.Image}}", container_name(host.name)]).stdout.strip()
    current = attempt(
        ["docker", "image", "inspect", "--format", "{{.Id}}", f"{host_image(host.os, host.kernel)}:current"]
    )
    return bool(used) and used != current.stdout.strip()


def _vagrant_up(hosts: list[Host]) -> None:
    argv = ["vagrant", "up", "--provider=docker", "--parallel", *(host.name for host in hosts)]
    try:
        done = subprocess.run(
            argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
    except FileNotFoundError as missing:
        raise TestbedError("vagrant is not installed; script/prepare installs it") from missing
    if done.returncode != 0:
        raise TestbedError(f"vagrant up failed with status {done.returncode}:\n{done.stdout.strip()[-3000:]}")


def _wait(lab: Lab, host: Host) -> None:
    login = ssh_login(lab.user, host.address, KNOWN_HOSTS)
    if wait_until_up(host.name, login, PATIENCE_S) == "degraded":
        failed = run([*login, "systemctl --failed --no-legend --plain"]).strip()
        say(f"{host.name} is up, but not all its services started:\n{failed}")


def ssh_login(user: str, address: str, known_hosts: Path) -> list[str]:
    """Return the ssh command that logs in to a host, whatever the user's own configuration says."""
    return [
        *("ssh", "-F", "/dev/null", "-oBatchMode=yes", "-oConnectTimeout=5", "-oStrictHostKeyChecking=yes"),
        f'-oUserKnownHostsFile="{known_hosts}"',
        "-oIdentitiesOnly=yes",
        f"-i{CLIENT_KEY}",
        f"{user}@{address}",
    ]


def wait_until_up(name: str, login: list[str], patience_s: float) -> str:
    """Wait until sshd lets the user in and systemd has started everything: running, or degraded."""
    limit = time.monotonic() + patience_s
    while True:
        state = attempt([*login, "systemctl is-system-running --wait"])
        if state.stdout.strip() in ("running", "degraded"):
            return state.stdout.strip()
        if time.monotonic() > limit:
            said = (state.stdout + state.stderr).strip()
            look = f"look at: docker logs {container_name(name)}"
            raise TestbedError(f"{name} did not come up in {patience_s} s: {said}\n{look}")
        time.sleep(0.5)


def main() -> int:
    """Read the arguments and bring the lab up."""
    parser = argparse.ArgumentParser(prog="testbed/up", description=__doc__)
    parser.add_argument("--fresh", action="store_true", help="make the hosts anew, with empty disks")
    parser.add_argument(
        "host", nargs="*", help="names from vlab/hosts.yml; else all that start by themselves"
    )
    arguments = parser.parse_args()
    started = time.monotonic()
    try:
        lab = load_lab()
        hosts = lab.select(arguments.host)
        up(lab, hosts, arguments.fresh)
    except (TestbedError, OSError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted; the next run goes on from here")
        return 130
    say(f"{', '.join(host.name for host in hosts)} up after {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
