"""The virtual lab as its tests see it: deploys through the real command line, hosts looked at past ssh."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
TESTBED_HOSTS = ROOT / "inventories" / "testbed.py"


@dataclass(frozen=True)
class Finished:
    """A finished run of pyinfra."""

    status: int
    output: str
    errors: str
    seconds: float

    @property
    def last_line(self) -> str:
        return self.output.splitlines()[-1] if self.output else self.errors[-2000:]

    @property
    def everything(self) -> str:
        return f"{self.output}\n{self.errors}"


def pyinfra(*arguments: str, **environment: str) -> Finished:
    """Run pyinfra without a terminal and with nothing on its standard input."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pyinfra", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYINFRA_PROGRESS": "off", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1200,
    )
    return Finished(done.returncode, done.stdout, done.stderr, time.monotonic() - started)


def provision(inventory: str | Path = TESTBED_HOSTS, *arguments: str) -> Finished:
    """Run the main job on an inventory."""
    return pyinfra("-y", str(inventory), "deploys/xpu.py", *arguments)


def host_data(*names: str) -> dict[str, dict[str, Any]]:
    """The pyinfra data of testbed hosts by name."""
    previous = os.environ.get("XPULAB_TESTBED_HOSTS")
    os.environ["XPULAB_TESTBED_HOSTS"] = ",".join(names)
    try:
        return dict(runpy.run_path(str(TESTBED_HOSTS))["hosts"])
    finally:
        os.environ["XPULAB_TESTBED_HOSTS"] = previous or ""


def lab_file(folder: Path, *names: str, **changes: dict[str, Any]) -> Path:
    """A lab's YAML file with these testbed hosts, and `changes` to hosts or to whole sections."""
    data = host_data(*names)
    some = next(iter(data.values()))
    lab: dict[str, Any] = {
        "lab": "test",
        "defaults": {
            "ssh_user": some["ssh_user"],
            "ssh_key": some["ssh_key"],
            "ssh_known_hosts": some["ssh_known_hosts_file"],
            "ssh_host_key_checking": "yes",
            "users": some["users"],
        },
        "hosts": {name: {"address": each["ssh_hostname"]} for name, each in data.items()},
        "repositories": some["repositories"],
        "images": some["images"],
    }
    for key, change in changes.items():
        place = lab if key in lab else lab["hosts"]
        place[key] = {**place.get(key, {}), **change}
    file = folder / "lab.yml"
    file.write_text(yaml.safe_dump(lab))
    return file


def provision_lab(file: Path, *arguments: str) -> Finished:
    """Run the main job on a lab's YAML file, as a lab owner does."""
    return pyinfra("-y", "inventory.py", "deploys/xpu.py", *arguments, XPULAB_LAB=str(file))


def on(host: str, command: str, check: bool = True) -> str:
    """What a command prints that runs as root on a host, past xpulab and ssh."""
    done = subprocess.run(
        ["docker", "exec", "-i", f"xpulab-{host}", "sh", "-c", command], capture_output=True, text=True
    )
    if check and done.returncode != 0:
        raise AssertionError(f"{host}: {command!r} gave {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


STATE = r"""
dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n'
find /etc /var/lib/apt/lists /usr/share/keyrings -xdev -type f -exec sha256sum {} + | sort
systemctl list-units --all --plain --no-legend --type=service --state=active | awk '{print $1, $3}' |
    grep -v -e ^user -e ^sudo -e session -e ^run-
getent passwd
getent group
cat /sys/module/*/version 2>/dev/null
command -v docker >/dev/null &&
    docker image ls --no-trunc --format '{{.Repository}}:{{.Tag}} {{.Digest}} {{.ID}}' | sort
:
"""


def state_of(hosts: Iterable[str]) -> dict[str, str]:
    """All of a host that a run could change, for comparison."""
    return {host: on(host, STATE) for host in hosts}


def installed(host: str) -> dict[str, str]:
    """The packages that are wholly installed on a host, and their versions."""
    rows = on(host, r"dpkg-query -W -f '${db:Status-Abbrev}|${Package}|${Version}\n'").splitlines()
    return {name: version for state, name, version in (row.split("|") for row in rows) if state == "ii "}


def transactions(host: str) -> int:
    """How often apt has changed packages on a host."""
    return on(host, "cat /var/log/apt/history.log 2>/dev/null", check=False).count("Commandline: apt-get")


def reboots(host: str) -> int:
    """How often a host has rebooted since it was made: Docker starts it again each time."""
    counted = ["docker", "inspect", "--format", "{{.RestartCount}}", f"xpulab-{host}"]
    return int(subprocess.run(counted, capture_output=True, text=True, check=True).stdout)


def commands_over_ssh(host: str) -> int:
    """How many commands sshd on the host has started so far, by its own log."""
    log = on(host, "journalctl --no-pager --output=cat --unit=ssh.service")
    return len(re.findall(r"^Starting session: (?:command|subsystem)", log, re.M))


def bytes_over_network(host: str) -> int:
    """How many bytes have gone to and from a host over its network so far."""
    rows = [line.split() for line in on(host, "cat /proc/net/dev").splitlines() if line.strip()[:2] != "lo"]
    return sum(int(row[1]) + int(row[9]) for row in rows if row[0].endswith(":"))


def service_starts(host: str) -> dict[str, str]:
    """When each service that outlives a login was last started."""
    listed = on(host, "systemctl show --property=Id,ExecMainStartTimestampMonotonic '*.service'")
    blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in listed.split("\n\n")]
    return {
        block["Id"]: block["ExecMainStartTimestampMonotonic"]
        for block in blocks
        if "ExecMainStartTimestampMonotonic" in block and not block["Id"].startswith("user")
    }


def newest_package_list(host: str) -> str:
    """When apt last read a list of packages from a server."""
    return on(host, "find /var/lib/apt/lists -printf '%T@\n' | sort -n | tail -n 1")
