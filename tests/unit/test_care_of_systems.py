"""Until when a system is cared for, and what its hosts are told in the half year before that day."""

from __future__ import annotations

import json
from datetime import date

import pytest

from tests.unit.sample_hosts import RTX_3090, host, noble, resolved, settings
from xpulab.catalog.systems import Care
from xpulab.desired import record
from xpulab.probing.observed import Observed
from xpulab.resolving.resolve import resolve
from xpulab.resolving.target import Target
from xpulab.resolving.vendors import load_catalog, written_catalog


def on(day: date, observed: Observed) -> Target:
    return resolved(resolve(observed, settings(), load_catalog(day)))


def told(target: Target) -> list[str]:
    return [note for note in target.notes if "cared for until" in note]


def test_every_system_says_until_when_it_is_cared_for_with_a_source() -> None:
    until = {key: f"{each.care.until:%Y-%m}" for key, each in written_catalog().operating_systems.items()}
    assert until == {
        "ubuntu-22.04": "2027-04",
        "ubuntu-24.04": "2029-05",
        "ubuntu-26.04": "2031-05",
        "debian-12": "2028-06",
        "debian-13": "2030-06",
    }
    assert all(each.care.source and each.care.as_of for each in written_catalog().operating_systems.values())


@pytest.mark.parametrize(
    ("day", "soon"),
    [
        (date(2026, 10, 1), False),
        (date(2026, 10, 28), False),
        (date(2026, 10, 29), True),
        (date(2027, 4, 30), True),
        (date(2028, 1, 1), True),
    ],
)
def test_the_note_comes_half_a_year_before_the_end_and_stays(day: date, soon: bool) -> None:
    assert bool(told(on(day, host(RTX_3090)))) is soon
    assert bool(told(on(day, host()))) is soon
    assert not told(on(day, noble(RTX_3090)))


def test_the_note_says_the_same_before_the_end_and_after_it_and_names_where_to_go() -> None:
    (before,), (after,) = (told(on(day, host())) for day in (date(2026, 11, 27), date(2027, 6, 1)))
    assert before == after
    assert before.startswith(
        "Ubuntu 22.04 LTS is cared for until April 2027: plan a move to Ubuntu 24.04 LTS or"
    )
    assert "Debian 13" in before


def test_the_system_that_is_cared_for_longest_names_no_other() -> None:
    resolute = host(os_version="26.04", kernel="7.0.0-38-generic")
    (note,) = told(on(date(2031, 3, 1), resolute))
    assert note == "Ubuntu 26.04 LTS is cared for until May 2031"


def test_no_host_drifts_because_the_note_appears() -> None:
    before, after = (on(day, host(RTX_3090)) for day in (date(2026, 10, 1), date(2027, 6, 1)))
    assert before.notes != after.notes
    assert record.text(before) == record.text(after)
    assert "cared for" not in json.dumps(json.loads(record.text(after)))


def test_every_answer_begins_with_the_system_and_its_care() -> None:
    reason = on(date(2026, 10, 1), noble(RTX_3090)).reasons[0]
    assert (reason.choice, reason.answer, reason.rule) == (
        "system",
        "Ubuntu 24.04 LTS",
        "cared for until May 2029",
    )


def test_who_gives_the_last_fixes_is_said() -> None:
    care = Care(
        source="https://wiki.debian.org/LTS", as_of=date(2026, 11, 27), until=date(2030, 6, 30), by="LTS"
    )
    assert care.in_words == "cared for until June 2030, by LTS"
