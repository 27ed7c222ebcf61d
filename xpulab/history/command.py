"""`xpulab history`: what earlier runs have done to a lab or to one of its hosts."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from xpulab.history import journal
from xpulab.history.journal import HostEntry, RunEntry
from xpulab.schema.control_characters import replaced

UNDONE = ("failed", "refused", "drifted")


def add_to(app: typer.Typer) -> None:
    """Add the command `history`."""
    app.command("history")(_history)


def _history(
    host: Annotated[str | None, typer.Argument(help="Only this host.")] = None,
    last: Annotated[int, typer.Option(help="So many runs, the newest.", min=1)] = 20,
    json: Annotated[bool, typer.Option("--json", help="One line of JSON for each run.")] = False,
    failed: Annotated[
        bool,
        typer.Option("--failed", help="Only the options that limit a run to what the last one left undone."),
    ] = False,
) -> None:
    """What runs from this machine have done, as it was written down when each ended."""
    runs = [each for each in journal.entries(journal.place()) if host is None or host in each.hosts]
    if not runs:
        about = f" of {host}" if host else ""
        typer.echo(f"no run{about} is written down in {journal.place()}", err=True)
        raise typer.Exit(1)
    if failed:
        typer.echo(limits(runs[-1]))
    elif json:
        for each in runs[-last:]:
            typer.echo(each.model_dump_json())
    else:
        _print(runs[-last:], host)


def limits(run: RunEntry) -> str:
    """The options by which pyinfra goes on with the hosts that a run left undone, quoted for a shell."""
    undone = [name for name, each in run.hosts.items() if each.state in UNDONE]
    return " ".join(f"--limit {shlex.quote(name)}" for name in undone)


def _print(runs: Iterable[RunEntry], host: str | None) -> None:
    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    for column in ("when", "took", "who", "hosts" if host is None else "state", "what"):
        table.add_column(column, overflow="fold")
    for run in runs:
        what = _words_of_host(run.hosts[host]) if host else _words_of_run(run)
        stood = run.hosts[host].state if host else _counts(run)
        dry = " (dry)" if run.dry else ""
        when = run.when.strftime("%Y-%m-%d %H:%M")
        cells = (when, f"{run.seconds:.0f} s", run.who, f"{stood}{dry}", what)
        table.add_row(*(Text(replaced(each)) for each in cells))
    Console(highlight=False).print(table)


def _counts(run: RunEntry) -> str:
    states = [each.state for each in run.hosts.values()]
    return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))


def _words_of_run(run: RunEntry) -> str:
    undone = [
        f"{name}: {each.reason}" for name, each in run.hosts.items() if each.state in UNDONE and each.reason
    ]
    changed = [f"{name}: {each.changes} changes" for name, each in run.hosts.items() if each.changes]
    return "\n".join([*undone, *changed])


def _words_of_host(entry: HostEntry) -> str:
    left = [f"still: {each}" for each in entry.left]
    return "\n".join([*([entry.reason] if entry.reason else []), *entry.changed, *left])
