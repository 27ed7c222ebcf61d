"""What was measured, and what it comes down to: medians, ranges, ratios, growth per host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import linear_regression, median

METRICS = {
    "wall_s": "wall time, s",
    "cpu_s": "control node CPU, s",
    "rss_mb": "control node memory, MB",
    "remote_commands_per_host": "remote commands per host",
    "apt_updates_per_host": "apt updates per host",
    "apt_transactions_per_host": "apt transactions per host",
    "ssh_kb_per_host": "kB over SSH per host",
}
GROWING = ("wall_s", "cpu_s", "rss_mb")


@dataclass(frozen=True)
class Sample:
    """One run of one contender; what was not counted is None."""

    contender: str
    hosts: int
    wall_s: float
    cpu_s: float
    rss_mb: float
    remote_commands_per_host: float | None = None
    apt_updates_per_host: float | None = None
    apt_transactions_per_host: float | None = None
    ssh_kb_per_host: float | None = None


@dataclass(frozen=True)
class Spread:
    """The middle and the ends of a few numbers."""

    median: float
    least: float
    most: float


@dataclass(frozen=True)
class Line:
    """How a number grows with the number of hosts: `fixed` + `per_host` * hosts."""

    per_host: float
    fixed: float


Summary = Mapping[str, Mapping[str, Spread]]
"""By contender and metric."""


def summarise(samples: Iterable[Sample]) -> Summary:
    """The spread of each metric that was taken, for each contender in the order in which they ran."""
    runs: dict[str, list[Sample]] = {}
    for sample in samples:
        runs.setdefault(sample.contender, []).append(sample)
    return {contender: _spreads(of_one) for contender, of_one in runs.items()}


def _spreads(samples: Sequence[Sample]) -> dict[str, Spread]:
    taken = {metric: [getattr(sample, metric) for sample in samples] for metric in METRICS}
    return {metric: spread(values) for metric, values in taken.items() if None not in values}


def spread(values: Sequence[float]) -> Spread:
    """The spread of one or more numbers."""
    return Spread(median(values), min(values), max(values))


def ratio(summary: Summary, metric: str, of: str, to: str) -> float | None:
    """How many times the median of `of` is that of `to`; None where either is missing."""
    if metric not in summary.get(of, {}) or not summary.get(to, {}).get(metric):
        return None
    below = summary[to][metric].median
    return summary[of][metric].median / below if below else None


def growth(samples: Iterable[Sample], metric: str) -> dict[str, Line]:
    """A least-squares line through the medians of each contender that ran with several numbers of hosts."""
    runs: dict[str, dict[int, list[float]]] = {}
    for sample in samples:
        sizes = runs.setdefault(sample.contender, {})
        sizes.setdefault(sample.hosts, []).append(getattr(sample, metric))
    return {contender: _line(sizes) for contender, sizes in runs.items() if len(sizes) > 1}


def _line(sizes: Mapping[int, Sequence[float]]) -> Line:
    fitted = linear_regression(list(sizes), [median(values) for values in sizes.values()])
    return Line(fitted.slope, fitted.intercept)
