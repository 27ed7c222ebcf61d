"""What xpulab promises, next to what was measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.results import Results
from bench.samples import growth, ratio, summarise


@dataclass(frozen=True)
class Target:
    """A promise in words, the number it must not exceed, and how to find that number; None: not measured."""

    words: str
    at_most: float
    measured: Callable[[Results], float | None]


def _ratio(scenario: str, to: str, metric: str = "wall_s") -> Callable[[Results], float | None]:
    def find(results: Results) -> float | None:
        if scenario not in results:
            return None
        return ratio(summarise(results[scenario].samples), metric, "xpulab", to)

    return find


def _median(scenario: str, metric: str) -> Callable[[Results], float | None]:
    def find(results: Results) -> float | None:
        if scenario not in results:
            return None
        found = summarise(results[scenario].samples).get("xpulab", {}).get(metric)
        return found.median if found else None

    return find


def _per_host(metric: str) -> Callable[[Results], float | None]:
    def find(results: Results) -> float | None:
        if "growth" not in results:
            return None
        line = growth(results["growth"].samples, metric).get("xpulab")
        return line.per_host if line else None

    return find


TARGETS = (
    Target("no change: wall time, of OpenSSH in parallel", 0.7, _ratio("no_change", "openssh")),
    Target("no change: wall time, of Ansible", 1 / 40, _ratio("no_change", "ansible")),
    Target("no change: wall time, of Ansible with Mitogen", 1 / 12, _ratio("no_change", "ansible_mitogen")),
    Target("no change: wall time, of plain pyinfra", 1 / 4, _ratio("no_change", "plain_pyinfra")),
    Target("no change: remote commands per host", 1, _median("no_change", "remote_commands_per_host")),
    Target("growth: control node CPU per further host, s", 0.030, _per_host("cpu_s")),
    Target("growth: control node memory per further host, MB", 0.3, _per_host("rss_mb")),
    Target("one drifted file: remote commands per host", 5, _median("one_drift", "remote_commands_per_host")),
    Target("first run: wall time, of Ansible", 1 / 3, _ratio("first_run", "ansible")),
    Target("first run: apt updates per host", 1, _median("first_run", "apt_updates_per_host")),
    Target("first run: apt transactions per host", 1, _median("first_run", "apt_transactions_per_host")),
)
