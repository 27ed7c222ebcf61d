"""Findings, as a table and as one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from xpulab.upstreams.finding import Finding, State

STYLES: dict[State, str] = {"rotten": "red", "unchecked": "magenta", "warning": "yellow", "sound": "green"}


def table(findings: Sequence[Finding]) -> Table:
    """What was looked up, the worst first; what was not to be asked is left out."""
    shown = Table(header_style="bold", show_edge=False, pad_edge=False)
    for column in ("what", "name", "state", "found"):
        shown.add_column(column, overflow="fold")
    order = list(STYLES)
    for each in sorted(
        (each for each in findings if each.state in STYLES),
        key=lambda finding: (order.index(finding.state), finding.kind, finding.name),
    ):
        # Text, as a name like [all] would be markup.
        shown.add_row(each.kind, Text(each.name), Text(each.state, STYLES[each.state]), Text(each.detail))
    return shown


def last_line(findings: Sequence[Finding]) -> str:
    """How many things were looked up, and what became of them."""
    counted = Counter(finding.state for finding in findings)
    checked = sum(counted[state] for state in ("rotten", "warning", "sound"))
    words = f"checked={checked} sound={counted['sound']} rotten={counted['rotten']}"
    return (
        f"xpulab: {words} warnings={counted['warning']} unchecked={counted['unchecked']} "
        f"skipped={counted['skipped']}"
    )
