"""One pyinfra run as a whole: the outcome of every host, the last line, and an honest exit status."""

from __future__ import annotations

import atexit
import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click
from pyinfra import logger
from pyinfra.api.state import StateStage
from pyinfra.context import ctx_state

from xpulab.converging.outcome import Outcome
from xpulab.pull import pull_run
from xpulab.resolving.target import Refusal

if TYPE_CHECKING:  # this module is read before the first connection, and rich takes its time
    from rich.console import Console

DEPLOYS = Path(__file__).resolve().parents[2] / "deploys"
UNASKED = ("yes", "dry", "json_output")
CONNECTION_REMEDY = (
    "is it up, and is its address right? Try ssh -v with the user, address and port of the inventory"
)
REPORTING = frozenset({"xpu.py", "pull.py", "survey.py", "workbench.py", "workbench_images.py"})

outcomes: dict[str, Outcome] = {}
_planned: set[str] = set()
_to_converge: set[str] = set()
_surveyed: set[str] = set()
_connection_errors: dict[str, str] = {}
_limit: tuple[str, ...] = ()
_report_to_stderr = False
_begun = False


def begin() -> bool:
    """Promise the table, the last line and the exit status for the end of this run; False when it owes none.

    They come when the interpreter ends because pyinfra calls nothing at the end of a run, loads no
    deploy when no host could be reached, and exits 0 with failed hosts under --no-wait. Called by
    config.py, before the hosts are known, and by every deploy, for a run from another folder.
    """
    global _begun, _limit, _report_to_stderr
    context = click.get_current_context(silent=True)
    if _begun:
        return True
    if context and not _reports(context.params.get("operations") or ()):
        return False
    _begun = True
    if context and not sys.stdin.isatty() and not any(context.params.get(each) for each in UNASKED):
        sys.exit("xpulab: pyinfra asks before it acts, and there is no terminal to ask at: pass -y or --dry")
    if context:
        _limit = tuple(context.params.get("limit") or ())
    if context and context.params.get("json_output"):
        _report_to_stderr = True
    logger.addHandler(_ConnectionErrors(logging.ERROR))
    atexit.register(_end)
    return True


class _ConnectionErrors(logging.Handler):
    """Keeps what pyinfra logs of a host it cannot connect to: it tells nobody else in time."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the last error of each host."""
        found = re.fullmatch(r"\s*\[(.+?)\]\s+(.*)", click.unstyle(record.getMessage()).strip())
        if found:
            _connection_errors[found[1]] = found[2].replace("[Errno None] ", "")


def _reports(operations: Iterable[str]) -> bool:
    files = [Path(each).resolve() for each in operations]
    return any(file.parent == DEPLOYS and file.name in REPORTING for file in files)


def refuse_in_inventory(refused: Mapping[str, Refusal]) -> None:
    """Hosts whose description in the lab file is wrong: pyinfra never hears of them, the report does."""
    for name, refusal in refused.items():
        outcomes[name] = Outcome(name, "refused", reason=refusal.reason, remedy=refusal.remedy)


def plan(outcome: Outcome, converge: bool) -> None:
    """Record what a host needs, and show it at once where the run is about to ask before it acts.

    `converge` says that the run is to make the host converge, and not only to look.
    """
    outcomes[outcome.host] = outcome
    (_to_converge if converge else _surveyed).add(outcome.host)
    if outcome.drift and converge and ctx_state.get().should_check_for_changes():
        _print_plan(outcome)


@cache
def _console() -> Console:
    from rich.console import Console

    if _report_to_stderr:
        return Console(highlight=False, stderr=True, width=160)
    return Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def _print_plan(outcome: Outcome) -> None:
    from xpulab.converging.report import print_plan

    _planned.add(outcome.host)
    print_plan(_console(), outcome)


def _end() -> None:
    state = ctx_state.get() if ctx_state.isset() else None
    if state is None or not state.initialised:
        _exit(dict(outcomes))
        return
    executed = state.current_stage >= StateStage.Execute
    final = {
        name: each
        for name, each in outcomes.items()
        if not _limit or state.inventory.get_host(name, None) or any(fnmatch(name, x) for x in _limit)
    }
    for host in state.inventory:
        if not state.is_host_in_limit(host) and host not in state.activated_hosts:
            continue
        final[host.name] = _final(host.name, host in state.activated_hosts, executed)
    for name in sorted(final):
        if final[name].target and name not in _planned and (name in _surveyed or final[name].drift):
            _print_plan(final[name])
    _exit(final)


def _final(name: str, reached: bool, executed: bool) -> Outcome:
    outcome = outcomes.get(name)
    if not reached:
        why = _connection_errors.get(name, "the error of its connection is above")
        return Outcome(name, "failed", reason=f"no connection: {why}", remedy=CONNECTION_REMEDY)
    if outcome is None:
        return Outcome(name, "failed", reason="was not looked at: the run ended before")
    if executed and outcome.state == "drifted" and name in _to_converge:
        return Outcome(name, "failed", outcome.target, reason="the run ended before it was converged")
    return outcome


def _exit(final: dict[str, Outcome]) -> None:
    from xpulab.converging.report import print_summary

    if not final:
        _console().print("no host to work on: is the inventory empty, or --limit misspelt?")
    print_summary(_console(), final.values())
    pull_run.record(final.values())
    if not final or any(each.state in ("refused", "failed") for each in final.values()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)
