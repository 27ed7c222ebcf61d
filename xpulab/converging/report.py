"""What a run has done, or would do, in words for the person at the keyboard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from xpulab.converging.outcome import Outcome
from xpulab.desired.masking import masked
from xpulab.resolving.target import Target

COLOURS = {
    "converged": "green",
    "waiting": "yellow",
    "drifted": "yellow",
    "rebooting": "yellow",
    "refused": "magenta",
    "failed": "red",
}


RARE = ("waiting", "drifted", "rebooting")
DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def print_plan(console: Console, outcome: Outcome) -> None:
    """Every difference of one host, with the value found and the value wanted, and the diffs asked for."""
    lines = Text()
    lines.append(f"{outcome.host}", style="bold")
    if outcome.target:
        lines.append(
            f"  {_accelerators(outcome.target)} → {_driver(outcome.target)}, {outcome.target.image.reference}"
        )
    for note in outcome.target.notes if outcome.target else ():
        lines.append(f"\n    note: {note}", style="dim")
    for each in outcome.drift:
        if each.takes_away:
            lines.append("\n    takes away: ", style="bold red")
        lines.append(f"{each.kind} " if each.takes_away else f"\n    {each.kind} ", style="cyan")
        lines.append(masked(f"{each.name}: {each.found} → {each.wanted}"))
    for line in (line for diff in outcome.diffs for line in diff.split("\n")):
        lines.append(f"\n    {line}", style=DIFF_STYLES.get(line[:1], ""))
    console.print(lines, soft_wrap=True)


def print_summary(console: Console, outcomes: Iterable[Outcome]) -> None:
    """The table of all hosts, what is wrong with those refused or failed, and the last line."""
    ordered = sorted(outcomes, key=lambda outcome: outcome.host)
    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    for column in ("host", "accelerators", "driver", "image", "changes", "state"):
        table.add_column(column, justify="right" if column == "changes" else "left", overflow="fold")
    for each in ordered:
        table.add_row(*_row(each))
    console.print(table)
    for each in ordered:
        if each.reason:
            console.print(Text.assemble((f"{each.host}: ", COLOURS[each.state]), each.reason), soft_wrap=True)
        if each.remedy:
            console.print(Text(f"{' ' * len(each.host)}  → {each.remedy}"), soft_wrap=True)
        if each.last_pull:
            console.print(Text(f"{each.host}: {each.last_pull}"), soft_wrap=True)
        if each.no_snapshot:
            console.print(Text(f"{each.host}: no snapshot: {each.no_snapshot}"), soft_wrap=True)
    for folder, count in Counter(Path(each.snapshot).parent for each in ordered if each.snapshot).items():
        said = f"snapshots: {count} in {folder}; look one through before you send it on"
        console.print(Text(said), soft_wrap=True)
    console.print(Text(last_line(ordered)), soft_wrap=True)


def last_line(outcomes: Sequence[Outcome]) -> str:
    """The line that scripts read; `drifted` only where a run was not let, or not asked, to converge.

    `waiting` only where a role waits for what another command brings, `rebooting` only on a host that
    converges itself.
    """
    counts = totals(outcomes)
    said = [f"{word}={count}" for word, count in counts.items() if count or word not in RARE]
    return f"xpulab: {' '.join(said)}"


def totals(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many hosts there are, how many were changed, and how many are in each state, by the word for it."""
    count = {state: sum(each.state == state for each in outcomes) for state in COLOURS}
    return {
        "hosts": len(outcomes),
        "converged": count["converged"],
        "changed": sum(each.changes > 0 for each in outcomes),
        "refused": count["refused"],
        "failed": count["failed"],
        **{state: count[state] for state in RARE},
    }


def _row(outcome: Outcome) -> tuple[str | Text, ...]:
    target = outcome.target
    changes = f"{len(outcome.drift)} to make" if outcome.state == "drifted" else str(outcome.changes)
    return (
        outcome.host,
        _accelerators(target) if target else "",
        _driver(target) if target else "",
        target.image.reference if target else "",
        changes,
        Text(outcome.state, style=COLOURS[outcome.state]),
    )


def _accelerators(target: Target) -> str:
    names = [each.name for each in target.accelerators]
    return (
        ", ".join(
            f"{names.count(name)}× {name}" if names.count(name) > 1 else name for name in dict.fromkeys(names)
        )
        or "none"
    )


def _driver(target: Target) -> str:
    return f"{target.vendor} {target.driver.branch} {target.driver.modules}" if target.driver else "none"
