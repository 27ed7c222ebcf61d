"""Who is measured: each as its users would run it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from shlex import quote

from vlab.command import TestbedError
from vlab.places import CLIENT_KEY, ROOT

from bench.hosts import BenchHost
from bench.inventories import Inventories
from xpulab.desired.state import watched_by
from xpulab.inventory.settings import HostSettings
from xpulab.probing.script import probe_script
from xpulab.probing.watched import Watched
from xpulab.resolving.vendors import load_catalog
from xpulab.roles import BUILT_IN

BASELINES = ROOT / "bench" / "baselines"
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Command:
    """What is run, and where."""

    argv: Sequence[str]
    cwd: Path = ROOT
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Contender:
    """One way to provision a lab: its command for some hosts, and how many changes its output tells of."""

    name: str
    title: str
    command: Callable[[Inventories, Sequence[BenchHost], str], Command]
    changes: Callable[[str], int]


def _xpulab(inventories: Inventories, hosts: Sequence[BenchHost], user: str) -> Command:
    return Command([str(BIN / "pyinfra"), "-y", str(inventories.pyinfra), "deploys/xpu.py"])


def _survey(inventories: Inventories, hosts: Sequence[BenchHost], user: str) -> Command:
    return Command([str(BIN / "pyinfra"), "-y", str(inventories.pyinfra), "deploys/survey.py"])


def _plain_pyinfra(inventories: Inventories, hosts: Sequence[BenchHost], user: str) -> Command:
    # From a folder of its own: xpulab's config.py in the root would be read for it too.
    run = [str(BIN / "pyinfra"), "-y", str(inventories.pyinfra), "deploy.py"]
    return Command(run, BASELINES / "plain_pyinfra")


def _ansible(inventories: Inventories, hosts: Sequence[BenchHost], user: str) -> Command:
    playbook = [str(BIN / "ansible-playbook"), "-i", str(inventories.ansible), "site.yml"]
    return Command([*playbook, "-f", str(len(hosts))], BASELINES / "ansible")


def _ansible_mitogen(inventories: Inventories, hosts: Sequence[BenchHost], user: str) -> Command:
    found = find_spec("ansible_mitogen")
    if not found or not found.origin:
        raise TestbedError("Mitogen is not installed: uv sync --group bench")
    plugins = Path(found.origin).parent / "plugins" / "strategy"
    env = {"ANSIBLE_STRATEGY": "mitogen_linear", "ANSIBLE_STRATEGY_PLUGINS": str(plugins)}
    plain = _ansible(inventories, hosts, user)
    return Command(plain.argv, plain.cwd, env)


def _openssh(inventories: Inventories, hosts: Sequence[BenchHost], user: str) -> Command:
    command = inventories.known_hosts.with_name("probe")
    settings = HostSettings(users=(user,))
    watched = watched_by(BUILT_IN, settings, load_catalog())
    assert isinstance(watched, Watched), watched
    command.write_text(f"sudo -H -n sh -c {quote(probe_script(watched))}")
    each = [host.address for host in hosts]
    start = [str(ROOT / "bench/openssh.sh"), str(inventories.known_hosts), str(CLIENT_KEY), user]
    return Command([*start, str(command), *each])


def xpulab_changes(output: str) -> int:
    """`changed` of the last line of an xpulab run; TestbedError if there is no such line."""
    return _sum(r"^xpulab: hosts=\d+ converged=\d+ changed=(\d+)", output)


def survey_changes(output: str) -> int:
    """`drifted` of the last line of a survey, which is left out where no host is."""
    return _sum(r"^xpulab: hosts=\d+ .*failed=\d+(?: drifted=(\d+))?$", output)


def pyinfra_changes(output: str) -> int:
    """The operations that changed something, in the grand total of a pyinfra run."""
    return _sum(r"Grand total +\S+ +(?:(\d+)|-)", output)


def ansible_changes(output: str) -> int:
    """The sum of `changed` over the recap of a playbook run."""
    return _sum(r"^\S+ +: ok=\d+ +changed=(\d+)", output)


def _sum(pattern: str, output: str) -> int:
    found = list(re.finditer(pattern, re.sub(r"\x1b\[[0-9;]*m", "", output), re.M))
    if not found:
        raise TestbedError(f"its output does not say what it changed:\n{output[-2000:]}")
    return sum(int(each[1] or 0) for each in found)


CONTENDERS = {
    each.name: each
    for each in (
        Contender("xpulab", "xpulab", _xpulab, xpulab_changes),
        Contender("plain_pyinfra", "plain pyinfra", _plain_pyinfra, pyinfra_changes),
        Contender("ansible", "Ansible", _ansible, ansible_changes),
        Contender("ansible_mitogen", "Ansible, Mitogen", _ansible_mitogen, ansible_changes),
        Contender("openssh", "OpenSSH in parallel", _openssh, lambda output: 0),
        Contender("survey", "xpulab survey", _survey, survey_changes),
    )
}
