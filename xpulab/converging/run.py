"""One pyinfra run as a whole: the outcome of every host, the last line, and an honest exit status."""

from __future__ import annotations

import ast
import atexit
import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from pyinfra import logger
from pyinfra.api.host import Host
from pyinfra.api.operation import OperationMeta
from pyinfra.api.state import State, StateStage
from pyinfra.context import ctx_state

from xpulab.converging.ledger import Ledger, Operations
from xpulab.converging.outcome import Outcome
from xpulab.pull import pull_run
from xpulab.schema.refusal import Refusal

if TYPE_CHECKING:  # this module is read before the first connection, and rich takes its time
    from rich.console import Console

UNASKED = ("yes", "dry", "json_output")

ledger = Ledger()
_parameters: dict[str, Any] = {}
_own_operations: list[OperationMeta] = []
_begun = False


def begin() -> bool:
    """Promise the table, the last line and the exit status for the end of this run; False when it owes none.

    They come when the interpreter ends because pyinfra calls nothing at the end of a run, loads no
    deploy when no host could be reached, and exits 0 with failed hosts under --no-wait. Called by
    config.py, before the hosts are known, and by every deploy, for a run from another folder.
    """
    global _begun
    if _begun:
        return True
    context = click.get_current_context(silent=True)
    if context:
        _parameters.update(context.params)
        if not _reports(_parameters.get("operations") or ()):
            return False
    _begun = True
    if context and not sys.stdin.isatty() and not any(_parameters.get(each) for each in UNASKED):
        sys.exit("xpulab: pyinfra asks before it acts, and there is no terminal to ask at: pass -y or --dry")
    logger.addHandler(_ConnectionErrors(logging.ERROR))
    atexit.register(_end)
    return True


def beside_inventory(name: str) -> Path | None:
    """A path beside the run's inventory file; None where the inventory is no file, such as `@vagrant`."""
    inventory = Path(str(_parameters.get("inventory") or ""))
    return inventory.resolve().parent / name if inventory.is_file() else None


class _ConnectionErrors(logging.Handler):
    """Keeps what pyinfra logs of a host it cannot connect to: it tells nobody else in time."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the last error of each host."""
        found = re.fullmatch(r"\s*\[(.+?)\]\s+(.*)", click.unstyle(record.getMessage()).strip())
        if found:
            ledger.connection_errors[found[1]] = found[2].replace("[Errno None] ", "")


def _reports(operations: Iterable[str]) -> bool:
    """Whether one of the run's deploys is made with xpulab, wherever it lies and whatever its name."""
    return any(_imports_xpulab(Path(each)) for each in operations if each.endswith(".py"))


def _imports_xpulab(deploy: Path) -> bool:
    try:
        tree = ast.parse(deploy.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return False
    imported: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            imported.append(node.module or "")
        elif isinstance(node, ast.Import):
            imported += [each.name for each in node.names]
    return any(name.partition(".")[0] == "xpulab" for name in imported)


def refuse_in_inventory(refused: Mapping[str, Refusal]) -> None:
    """Hosts whose description in the lab file is wrong: pyinfra never hears of them, the report does."""
    ledger.refuse(refused)


def stop(reason: str) -> NoReturn:
    """End a run that cannot begin, for an inventory that makes no sense as a whole, with the reason."""
    if not _begun:
        sys.exit(f"xpulab: {reason}")
    ledger.stopped = reason
    sys.exit(1)


def plan(outcome: Outcome, converge: bool) -> None:
    """Record what a host needs, and show it at once where the run is about to ask before it acts.

    `converge` says that the run is to make the host converge, and not only to look.
    """
    ledger.record(outcome)
    (ledger.to_converge if converge else ledger.surveyed).add(outcome.host)
    if outcome.drift and converge and ctx_state.get().should_check_for_changes():
        _print_plan(outcome)


def owns(operation: OperationMeta) -> None:
    """Note an operation whose changes the ledger counts by itself."""
    _own_operations.append(operation)


@cache
def _console() -> Console:
    from rich.console import Console

    if _parameters.get("json_output"):
        return Console(highlight=False, stderr=True, width=160)
    return Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def _print_plan(outcome: Outcome) -> None:
    from xpulab.converging.report import print_plan

    ledger.shown.add(outcome.host)
    print_plan(_console(), outcome)


def _end() -> None:
    state = ctx_state.get() if ctx_state.isset() else None
    if state is None or not state.initialised:
        _exit(dict(ledger.outcomes))
        return
    executed = state.current_stage >= StateStage.Execute
    limit = tuple(_parameters.get("limit") or ())
    final = {
        name: each
        for name, each in ledger.outcomes.items()
        if not limit or state.inventory.get_host(name, None) or any(fnmatch(name, x) for x in limit)
    }
    for host in state.inventory:
        reached = host in state.activated_hosts
        if reached or state.is_host_in_limit(host):
            operations = _operations(state, host) if executed else Operations()
            final[host.name] = ledger.final(host.name, reached, executed, operations)
    for name in sorted(final):
        shown = name in ledger.shown
        if final[name].target and not shown and (name in ledger.surveyed or final[name].drift):
            _print_plan(final[name])
    _exit(final)


def _operations(state: State, host: Host) -> Operations:
    """What became of the operations that stand beside ours in a lab's own deploy."""
    changed, failed = 0, ""
    for operation_hash, data in state.ops[host].items():
        done = data.operation_meta
        if not done.is_complete() or any(done is each for each in _own_operations):
            continue
        if done.did_succeed():
            changed += done.did_change()
        elif not data.global_arguments["_ignore_errors"]:
            failed = failed or next(iter(state.op_meta[operation_hash].names), "without a name")
    return Operations(changed, failed)


def _exit(final: dict[str, Outcome]) -> None:
    from xpulab.converging.report import print_summary

    if not final:
        why = ledger.stopped or "no host to work on: is the inventory empty, or --limit misspelt?"
        _console().print(why, markup=False, soft_wrap=True)
    print_summary(_console(), final.values())
    pull_run.record(final.values(), ledger.stopped)
    if not final or any(each.state in ("refused", "failed") for each in final.values()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)
