"""Results as tables on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from bench.contenders import CONTENDERS
from bench.results import Result, Results
from bench.samples import GROWING, METRICS, Line, Spread, growth, ratio, summarise
from bench.targets import TARGETS

TITLES = {
    "no_change": "No change",
    "survey": "Survey",
    "one_drift": "One drifted file on every host",
    "first_run": "First run, from bare to verified",
    "growth": "Growth, no change",
}
NOT_MEASURED = "not measured"
Rows = list[list[str]]


def print_results(results: Results, console: Console) -> None:
    """Every scenario's table, then the targets."""
    for scenario, result in results.items():
        rows = growth_rows(result) if scenario == "growth" else scenario_rows(result)
        _print(console, title(scenario, result), rows)
    _print(console, "Targets", [row for row in target_rows(results) if row[-1] != NOT_MEASURED])


def title(scenario: str, result: Result) -> str:
    """What a scenario's table is headed."""
    sizes = sorted({sample.hosts for sample in result.samples})
    return (
        f"{TITLES[scenario]}, {' to '.join(str(size) for size in dict.fromkeys((sizes[0], sizes[-1])))} hosts"
    )


def _print(console: Console, title: str, rows: Rows) -> None:
    table = Table(title=title, title_justify="left", header_style="bold")
    for number, column in enumerate(rows[0]):
        table.add_column(column, justify="right" if number else "left")
    for row in rows[1:]:
        table.add_row(*row)
    console.print(table)


def scenario_rows(result: Result) -> Rows:
    """A head and a row per contender: medians, ranges, and how often its wall and CPU are the first one's."""
    summary = summarise(result.samples)
    first = next(iter(summary))
    rows = [["", *METRICS.values(), "runs", "wall", "CPU"]]
    for contender, spreads in summary.items():
        cells = [told(spreads[metric]) if metric in spreads else "" for metric in METRICS]
        runs = str(sum(sample.contender == contender for sample in result.samples))
        against = [ratio(summary, metric, contender, first) for metric in ("wall_s", "cpu_s")]
        times = ["" if each is None else f"{each:.3g} x" for each in against]
        rows.append([CONTENDERS[contender].title, *cells, runs, *times])
    return rows


def growth_rows(result: Result) -> Rows:
    """A head and a row per contender: what is fixed, and what each further host adds."""
    lines = {metric: growth(result.samples, metric) for metric in GROWING}
    head = [f"{METRICS[metric]}: {part}" for metric in GROWING for part in ("fixed", "per host")]
    rows = [["", "hosts", *head]]
    for contender in lines["wall_s"]:
        sizes = sorted({each.hosts for each in result.samples if each.contender == contender})
        cells = [cell for metric in GROWING for cell in _line(lines[metric][contender])]
        rows.append([CONTENDERS[contender].title, f"{sizes[0]} to {sizes[-1]}", *cells])
    return rows


def _line(line: Line) -> tuple[str, str]:
    return f"{line.fixed:.3g}", f"{line.per_host:.3g}"


def target_rows(results: Results) -> Rows:
    """A head and a row per target: what is promised, what was measured, whether it holds."""
    rows = [["", "at most", "measured", ""]]
    for target in TARGETS:
        found = target.measured(results)
        if found is None:
            rows.append([target.words, f"{target.at_most:.3g}", "", NOT_MEASURED])
        else:
            verdict = "met" if found <= target.at_most else f"missed, {found / target.at_most:.2f} x"
            rows.append([target.words, f"{target.at_most:.3g}", f"{found:.3g}", verdict])
    return rows


def told(spread: Spread) -> str:
    """A median, and the range where there is one."""
    if spread.least == spread.most:
        return f"{spread.median:.3g}"
    return f"{spread.median:.3g} ({spread.least:.3g}-{spread.most:.3g})"


def markdown(rows: Rows) -> str:
    """A table, its first row the head, all but the first column to the right."""
    rule = ["---", *["---:"] * (len(rows[0]) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [rows[0], rule, *rows[1:]])
