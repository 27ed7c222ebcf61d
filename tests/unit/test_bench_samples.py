from __future__ import annotations

from pathlib import Path

import pytest

from bench.report import scenario_rows, target_rows, told
from bench.results import Result, load, medians, save
from bench.samples import Line, Sample, Spread, growth, ratio, spread, summarise


def runs(contender: str, *walls: float, hosts: int = 10, commands: float | None = 1) -> list[Sample]:
    return [
        Sample(contender, hosts, wall, wall / 2, 50 + hosts * 0.25, commands, 0, 0, 30.0) for wall in walls
    ]


def test_a_spread_is_the_median_between_the_ends() -> None:
    assert spread([3.0, 1.0, 10.0]) == Spread(median=3.0, least=1.0, most=10.0)


def test_one_slow_round_does_not_move_a_ratio() -> None:
    summary = summarise([*runs("xpulab", 2.0, 2.0, 90.0), *runs("ansible", 80.0)])
    assert ratio(summary, "wall_s", "ansible", "xpulab") == 40.0
    assert ratio(summary, "wall_s", "xpulab", "ansible") == 1 / 40


def test_there_is_no_ratio_to_what_did_not_run_and_none_to_nothing() -> None:
    summary = summarise(runs("xpulab", 2.0))
    assert ratio(summary, "wall_s", "xpulab", "ansible") is None
    assert ratio(summary, "apt_updates_per_host", "xpulab", "xpulab") is None


def test_what_was_not_counted_has_no_median() -> None:
    summary = summarise(runs("xpulab", 2.0, commands=None))
    assert "remote_commands_per_host" not in summary["xpulab"]
    assert "wall_s" in summary["xpulab"]


def test_growth_separates_what_is_fixed_from_what_each_host_adds() -> None:
    samples = [sample for hosts in (1, 10, 100) for sample in runs("xpulab", 2 + hosts * 0.03, hosts=hosts)]
    line = growth(samples, "wall_s")["xpulab"]
    assert line.per_host == pytest.approx(0.03)
    assert line.fixed == pytest.approx(2)


def test_growth_goes_through_medians_and_needs_two_sizes() -> None:
    samples = [*runs("xpulab", 1, 1, 50, hosts=1), *runs("xpulab", 2, 2, 2, hosts=2), *runs("ansible", 9)]
    assert growth(samples, "wall_s") == {"xpulab": Line(per_host=1, fixed=0)}


def test_a_table_compares_with_the_first_contender() -> None:
    rows = scenario_rows(Result({}, [*runs("xpulab", 2.0), *runs("ansible", 80.0, 84.0)]))
    assert [row[0] for row in rows[1:]] == ["xpulab", "Ansible"]
    assert rows[2][1] == "82 (80-84)"
    assert rows[2][-2:] == ["41 x", "41 x"]
    assert told(Spread(1, 1, 1)) == "1"


def test_targets_are_met_or_missed_by_how_much_or_not_measured() -> None:
    results = {"no_change": Result({}, [*runs("xpulab", 2.0, commands=2), *runs("ansible", 100.0)])}
    verdicts = {row[0]: row[-1] for row in target_rows(results)}
    assert verdicts["no change: wall time, of Ansible"] == "met"
    assert verdicts["no change: remote commands per host"] == "missed, 2.00 x"
    assert verdicts["first run: wall time, of Ansible"] == "not measured"


def test_programs_are_given_medians_by_scenario_contender_and_metric() -> None:
    told = medians({"no_change": Result({}, runs("xpulab", 1.0, 2.0, 9.0))})
    xpulab = told["no_change"]["xpulab"]
    assert (xpulab["wall_s"], xpulab["cpu_s"], xpulab["remote_commands_per_host"]) == (2.0, 1.0, 1)
    assert (xpulab["ranges"]["wall_s"], xpulab["hosts"], xpulab["rounds"]) == ([1.0, 9.0], 10, 3)


def test_results_survive_their_file(tmp_path: Path) -> None:
    results = {"survey": Result({"date": "2026-11-25"}, runs("survey", 1.0, 2.0))}
    save(results, tmp_path / "docs" / "results.json")
    assert load(tmp_path / "docs" / "results.json") == results
    assert load(tmp_path / "none.json") == {}
