"""`pytest tests/verify --lab INVENTORY`: every check against every host that it is for."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from . import lab, summary
from .kinds import EVERY_HOST, KINDS, of_kind, provisioned
from .lab import LabHost
from .provisioned_host import ProvisionedHost

HOSTS = pytest.StashKey[Sequence[LabHost]]()
PROVISIONED = pytest.StashKey[Sequence[ProvisionedHost]]()
FOLDER = pytest.StashKey[Path]()
WORKER_INPUT = "lab"
# Checks in a file of that name, which run only where -m asks for them.
OPTIONAL_MARKS = {
    "workbench": "what deploys/workbench.py brought, from outside; only with -m workbench",
    "burnin": "xpu-check in every workbench, alone and over all hosts: minutes; only with -m burnin",
}
WORKERS_AT_MOST = 16


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lab", "the lab to verify")
    group.addoption(
        "--lab", metavar="INVENTORY", help="A pyinfra inventory: a file, host names, @vagrant or @local"
    )
    group.addoption("--limit", action="append", default=[], help="Only hosts of this name pattern or group")
    group.addoption("--exclude", action="append", default=[], help="No hosts of this name pattern or group")
    group.addoption(
        "--burnin-device",
        choices=["cuda", "xpu", "cpu"],
        help="With -m burnin: check this device in place of each host's own",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    # One worker per host: a second one would only queue behind the first host's container.
    if config.getoption("numprocesses", None) and config.getoption("dist") == "no":
        config.option.dist = "loadgroup"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    # Workers wait for hosts, not for this machine's processors.
    return min(len(hosts_of(config)), WORKERS_AT_MOST)


def pytest_configure(config: pytest.Config) -> None:
    for mark, meaning in OPTIONAL_MARKS.items():
        config.addinivalue_line("markers", f"{mark}: {meaning}")
    if not config.getoption("help", False):
        config.stash[PROVISIONED] = provisioned(hosts_of(config))
        # A hook that stands here would see the files of this folder alone, and not a lab's own checks.
        config.pluginmanager.register(_Arguments(config))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    mark = collection_path.stem.removeprefix("test_")
    return True if mark in OPTIONAL_MARKS and mark not in config.option.markexpr else None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput[WORKER_INPUT] = lab.to_json(hosts_of(node.config))


def pytest_unconfigure(config: pytest.Config) -> None:
    if FOLDER in config.stash:
        lab.close(config.stash.get(HOSTS, []))
        shutil.rmtree(config.stash[FOLDER], ignore_errors=True)


def hosts_of(config: pytest.Config) -> Sequence[LabHost]:
    """The lab's hosts, loaded once in the whole run: parallel workers are handed them."""
    if HOSTS not in config.stash:
        handed_over = getattr(config, "workerinput", {}).get(WORKER_INPUT)
        config.stash[HOSTS] = lab.from_json(handed_over) if handed_over else _load(config)
    return config.stash[HOSTS]


def _load(config: pytest.Config) -> Sequence[LabHost]:
    inventory = config.getoption("lab", None)
    if not inventory:
        raise pytest.UsageError("say which lab to verify: pytest tests/verify --lab inventory.py")
    config.stash[FOLDER] = Path(tempfile.mkdtemp(prefix="verify-", dir="/tmp"))
    try:
        limit, exclude = config.getoption("limit"), config.getoption("exclude")
        return lab.load(inventory, limit, exclude, config.stash[FOLDER])
    except lab.LabError as error:
        shutil.rmtree(config.stash[FOLDER], ignore_errors=True)
        raise pytest.UsageError(str(error)) from None


class _Arguments:
    """Hands the hosts to checks by the name of their argument, wherever the files of those lie."""

    def __init__(self, config: pytest.Config) -> None:
        self.hosts: dict[str, Sequence[Any]] = {EVERY_HOST: hosts_of(config)}
        self.hosts |= {kind: of_kind(config.stash[PROVISIONED], kind) for kind in KINDS}

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        for argument in metafunc.fixturenames:
            if argument not in self.hosts:
                continue
            # A lab without such a host gets one placeholder, which is deselected below.
            cases = [
                pytest.param(host, id=str(host), marks=pytest.mark.xdist_group(str(host)))
                for host in self.hosts[argument]
            ]
            metafunc.parametrize(argument, cases or [pytest.param(None, id="no-such-host")])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    without_host = []
    for item in items:
        callspec = getattr(item, "callspec", None)
        arguments = callspec.params if callspec else {}
        host = next((value for name, value in arguments.items() if name == EVERY_HOST or name in KINDS), item)
        if host is None:
            without_host.append(item)
        elif host is not item:
            item.user_properties.append((summary.HOST_PROPERTY, str(host)))
    if without_host:
        items[:] = [item for item in items if item not in without_host]
        config.hook.pytest_deselected(items=without_host)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if HOSTS not in config.stash or config.option.collectonly:
        return
    hosts = config.stash[HOSTS]
    reports = [
        report
        for outcome in ("passed", "failed", "error", "skipped")
        for report in terminalreporter.getreports(outcome)
        if isinstance(report, pytest.TestReport)
    ]
    counts = summary.count_outcomes(reports)
    terminalreporter.section("hosts")
    for line in summary.host_lines(hosts, counts):
        terminalreporter.write_line(line)
    absent = [
        kind.words
        for name, kind in KINDS.items()
        if kind.optional == bool(config.option.markexpr) and not of_kind(config.stash[PROVISIONED], name)
    ]
    if absent:
        terminalreporter.write_line(
            f"left out, as no such host is among them: checks for {', '.join(absent)}"
        )
    terminalreporter.write_line(summary.last_line(hosts, counts))
