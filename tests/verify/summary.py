"""How many checks ran on each host, in words and numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import pytest

from .lab import LabHost

HOST_PROPERTY = "host"


def count_outcomes(reports: Iterable[pytest.TestReport]) -> dict[str, Counter[str]]:
    """Outcomes per host; a check that broke before or after its body counts as failed."""
    counts: dict[str, Counter[str]] = {}
    for report in reports:
        name = dict(report.user_properties).get(HOST_PROPERTY)
        if name is not None and (report.when == "call" or not report.passed):
            counts.setdefault(str(name), Counter())[report.outcome] += 1
    return counts


def host_lines(hosts: Sequence[LabHost], counts: Mapping[str, Counter[str]]) -> list[str]:
    """One line per host: what it is, and how its checks ended."""
    width = max(len(host.name) for host in hosts)
    return [
        f"{host.name:<{width}}  {what_it_is(host):<24}  {_outcomes(counts.get(host.name))}" for host in hosts
    ]


def what_it_is(host: LabHost) -> str:
    """The host in a few words."""
    record = host.survey.record
    if record is None:
        return "not provisioned"
    drivers = (f"{vendor} {each.branch} {each.modules}" for vendor, each in record.drivers.items())
    return " + ".join(drivers) or record.vendor


def last_line(hosts: Sequence[LabHost], counts: Mapping[str, Counter[str]]) -> str:
    """The totals, in a form that scripts can read."""
    total = sum(counts.values(), Counter[str]())
    verified = sum(1 for host in hosts if _is_clean(counts.get(host.name)) and not host.survey.problem)
    return (
        f"verify: hosts={len(hosts)} verified={verified} "
        f"passed={total['passed']} failed={total['failed']} skipped={total['skipped']}"
    )


def _is_clean(count: Counter[str] | None) -> bool:
    return count is not None and count["passed"] > 0 and count["failed"] == 0


def _outcomes(count: Counter[str] | None) -> str:
    if count is None:
        return "no check ran"
    return ", ".join(f"{count[word]} {word}" for word in ("passed", "failed", "skipped") if count[word])
