"""Results as pictures, each as PNG and SVG."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from bench.contenders import CONTENDERS
from bench.results import Result, Results
from bench.samples import GROWING, METRICS, Sample, growth, summarise

# The same data give the same SVG, byte for byte.
matplotlib.rcParams["svg.hashsalt"] = "xpulab"


def draw(results: Results, folder: Path) -> list[str]:
    """Draw what there are results for; the names of the pictures, without their endings."""
    pictures = {"no_change": draw_bars, "growth": draw_growth}
    drawn = [name for name in pictures if name in results]
    folder.mkdir(parents=True, exist_ok=True)
    for name in drawn:
        figure = pictures[name](results[name])
        figure.savefig(folder / f"{name}.png", dpi=120)
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    return drawn


def draw_bars(result: Result) -> Figure:
    """Wall time and control node CPU of each contender, on a logarithmic scale."""
    summary = summarise(result.samples)
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    for axes, metric in zip(figure.subplots(1, 2, sharey=True), ("wall_s", "cpu_s"), strict=True):
        titles = [CONTENDERS[name].title for name in summary]
        values = [spreads[metric].median for spreads in summary.values()]
        bars = axes.barh(titles, values, color=["tab:green", *["tab:gray"] * (len(values) - 1)])
        axes.bar_label(bars, [f"{value:.3g}" for value in values], padding=3)
        axes.set_xscale("log")
        axes.set_xlim(min(values) / 2, max(values) * 3)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(METRICS[metric])
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].invert_yaxis()
    figure.suptitle(f"Nothing to change on {result.samples[0].hosts} hosts")
    return figure


def draw_growth(result: Result) -> Figure:
    """Wall time, CPU and memory against the number of hosts, for those who went all the way."""
    furthest = max(sample.hosts for sample in result.samples)
    able = {sample.contender for sample in result.samples if sample.hosts == furthest}
    samples = [sample for sample in result.samples if sample.contender in able]
    figure = Figure(figsize=(12, 3.4), layout="constrained")
    for axes, metric in zip(figure.subplots(1, len(GROWING)), GROWING, strict=True):
        _draw_lines(axes, samples, metric)
    figure.axes[0].legend(frameon=False)
    return figure


def _draw_lines(axes: Axes, samples: list[Sample], metric: str) -> None:
    for contender, line in growth(samples, metric).items():
        runs = [sample for sample in samples if sample.contender == contender]
        sizes = sorted({sample.hosts for sample in runs})
        middles = [median(getattr(each, metric) for each in runs if each.hosts == size) for size in sizes]
        (dots,) = axes.plot(sizes, middles, "o", label=CONTENDERS[contender].title)
        fitted = [line.fixed + line.per_host * size for size in sizes]
        axes.plot(sizes, fitted, color=dots.get_color(), linewidth=1)
    axes.set_xlabel("hosts")
    axes.set_ylabel(METRICS[metric])
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
