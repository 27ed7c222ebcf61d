"""One pyinfra run as a whole: the outcome of every host, the last line, and an honest exit status."""

from __future__ import annotations

import atexit
import logging
import os
import re
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
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

from xpulab.converging.deploy_files import made_with_xpulab
from xpulab.converging.ledger import Ledger, Operations
from xpulab.converging.outcome import Outcome
from xpulab.pull import pull_run
from xpulab.schema.refusal import Refusal

if TYPE_CHECKING:  # this module is read before the first connection, and rich takes its time
    from rich.console import Console

UNASKED = ("yes", "dry", "json_output")

ledger = Ledger()
_parameters: dict[str, Any] = {}
_own_operations: set[OperationMeta] = set()
_begun = False
_begun_at = datetime.now(timezone.utc)
_document_to = 0


def begin() -> bool:
    """Promise the table, the last line and the exit status for the end of this run; False when it owes none.

    They come when the interpreter ends because pyinfra calls nothing at the end of a run, loads no
    deploy when no host could be reached, and exits 0 with failed hosts under --no-wait. Called by
    config.py, before the hosts are known, where the deploys' files say that they are made with xpulab; and
    when the first host is looked at, for a run from a folder without such a config.py.
    """
    global _begun
    if _begun:
        return True
    context = click.get_current_context(silent=True)
    if context:
        _parameters.update(context.params)
        if not _has_hosts() and not made_with_xpulab(_parameters.get("operations") or ()):
            return False
    _begun = True
    if _parameters.get("json_output") and not _parameters.get("debug_operations"):
        _keep_stdout()
    if _parameters.get("dry"):  # pyinfra's -y would leave the lab's plain operations out of the plan
        ctx_state.get().check_for_changes = True
    if context and not sys.stdin.isatty() and not any(_parameters.get(each) for each in UNASKED):
        sys.exit("xpulab: pyinfra asks before it acts, and there is no terminal to ask at: pass -y or --dry")
    logger.addHandler(_ConnectionErrors(logging.ERROR))
    atexit.register(_end)
    return True


def _has_hosts() -> bool:
    """Whether the hosts are connected, so that it is a deploy of ours that runs."""
    return bool(ctx_state.isset() and ctx_state.get().current_stage >= StateStage.Prepare)


def _keep_stdout() -> None:
    """Keep stdout for the one document of this run: whatever else is printed there goes to stderr.

    It is done below Python, so that it holds for a lab's own `print` and for programs that a deploy starts.
    pyinfra's own document, which scripts may already read, becomes part of that one: pyinfra prints it
    when it ends, which is before its exit status and the outcomes are known, and has no setting against it.
    """
    global _document_to
    from pyinfra_cli import cli

    sys.stdout.flush()
    _document_to = os.dup(1)
    os.dup2(2, 1)
    cli.print_run_json = lambda state, dry: None  # type: ignore[attr-defined]


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
    """Record what a host needs, and show it at once where the run is about to ask, is dry, or has diffs.

    `converge` says that the run is to make the host converge, and not only to look.
    """
    ledger.record(outcome)
    (ledger.to_converge if converge else ledger.surveyed).add(outcome.host)
    wants_plan = ctx_state.get().should_check_for_changes() or outcome.diffs
    if outcome.drift and converge and wants_plan:
        _print_plan(outcome)


def owns(operation: OperationMeta) -> None:
    """Note an operation whose changes the ledger counts by itself, and which tells of its progress."""
    if not _own_operations and not _parameters.get("json_output"):
        from xpulab.converging import progress

        progress.begin(ctx_state.get(), _is_own, _parameters.get("verbosity") or 0)
    _own_operations.add(operation)


def _is_own(state: State, operation_hash: str) -> bool:
    return any(
        operations[operation_hash].operation_meta in _own_operations
        for operations in state.ops.values()
        if operation_hash in operations
    )


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
    if _own_operations:
        from xpulab.converging import progress

        progress.end()
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
    if _parameters.get("dry") and _parameters.get("yes") and not _parameters.get("json_output"):
        _print_operations(state)
    _exit(final)


def _print_operations(state: State) -> None:
    """pyinfra's own list of operations with changes, which it leaves out under -y."""
    from pyinfra_cli.prints import print_meta

    logger.info("--> Detected changes:")
    print_meta(state)


def _operations(state: State, host: Host) -> Operations:
    """What became of the operations that stand beside ours in a lab's own deploy."""
    changed, failed = 0, ""
    for operation_hash, data in state.ops[host].items():
        done = data.operation_meta
        if not done.is_complete() or done in _own_operations:
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
    if final:
        _write_down(final)
    if _document_to:
        _print_document(final)
    if not final or any(each.state in ("refused", "failed") for each in final.values()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)


def _write_down(final: Mapping[str, Outcome]) -> None:
    """Leave the run in this machine's journal; one that cannot be written is a warning, and no failure."""
    from xpulab.converging.written_down import run_entry
    from xpulab.history import journal

    command = [str(_parameters.get("inventory") or ""), *map(str, _parameters.get("operations") or ())]
    entry = run_entry(final, command, _begun_at, datetime.now(timezone.utc), bool(_parameters.get("dry")))
    try:
        journal.append(entry, journal.place())
    except OSError as error:
        logger.warning(f"this run is not written down: {journal.place()}: {error.strerror}")


def _print_document(final: Mapping[str, Outcome]) -> None:
    from xpulab.converging.document import document

    state = ctx_state.get() if ctx_state.isset() else None
    text = document(state if state and state.initialised else None, list(final.values()))
    with os.fdopen(_document_to, "w", encoding="utf-8") as stdout:
        stdout.write(text + "\n")
