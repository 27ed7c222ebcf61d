"""The report of xpu-check, for people and as JSON."""

from __future__ import annotations

import json
import os
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from xpudevice.bench.throughput import Measurement
from xpudevice.check.outcome import Outcome
from xpudevice.description import Description


@dataclass(frozen=True)
class Report:
    """All that one run of xpu-check found; no description where no device works.

    `load` is the machine's load average when the run began.
    """

    description: Description | None
    outcomes: Sequence[Outcome]
    measurements: Sequence[Measurement]
    seconds: float
    load: float

    @property
    def passed(self) -> bool:
        """Whether something was checked and nothing failed."""
        states = {each.state for each in self.outcomes}
        return "passed" in states and "failed" not in states


def as_json(report: Report) -> str:
    """The report as one JSON object."""
    return json.dumps(
        {
            "host": socket.gethostname(),
            "passed": report.passed,
            "seconds": round(report.seconds, 1),
            "load": round(report.load, 1),
            "description": asdict(report.description) if report.description else None,
            "outcomes": [asdict(each) for each in report.outcomes],
            "measurements": [asdict(each) for each in report.measurements],
        },
        indent=2,
    )


def as_text(report: Report) -> str:
    """The report as aligned lines; what to do follows the line of each failed check."""
    lines = [str(report.description), ""] if report.description else []
    widths = [max(len(row[index]) for row in _rows(report.outcomes)) for index in range(3)]
    for each, row in zip(report.outcomes, _rows(report.outcomes), strict=True):
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append(f"{cells}  {each.detail}")
        if each.remedy:
            lines.append(f"        → {each.remedy}")
    lines += _measured(report.measurements, report.load)
    return "\n".join([*lines, "", last_line(report)])


def last_line(report: Report) -> str:
    """The line that scripts read."""
    count = Counter(each.state for each in report.outcomes)
    states = " ".join(f"{state}={count[state]}" for state in ("passed", "failed", "skipped"))
    return f"xpu-check: {states} seconds={report.seconds:.0f}"


def _rows(outcomes: Sequence[Outcome]) -> list[tuple[str, str, str]]:
    return [(each.state, each.check, each.where) for each in outcomes]


def _measured(measurements: Sequence[Measurement], load: float) -> list[str]:
    lines = []
    title = ""
    for each in measurements:
        if each.workload != title:
            title = each.workload
            lines += ["", f"{title:<52} {each.unit:>12}   vs fp32      error"]
        lines.append(f"  {each.variant:<50} {each.per_second:>12.1f} {each.ratio:>9.2f} {each.error:>10.1e}")
    cpus = os.cpu_count() or 1
    if measurements and load > cpus / 2:
        lines.append(
            f"  load average {load:.1f} on {cpus} CPUs: others were at work, measure again without them"
        )
    return lines
