"""Measure xpulab beside its contenders on the testbed, print tables, and write docs/performance.md."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterable
from math import inf
from pathlib import Path

from rich.console import Console
from vlab.command import TestbedError
from vlab.hosts import load_lab

from bench import say
from bench.containers import remove_all
from bench.contenders import CONTENDERS
from bench.counters import start_meter, stop_meter
from bench.flame_graph import draw_flame_graph
from bench.hosts import MOST_HOSTS
from bench.inventories import FOLDER
from bench.page import RESULTS, write_page
from bench.report import print_results
from bench.results import Result, Results, load, medians, save, this_machine
from bench.scenarios import SCENARIOS, Plan
from bench.snapshots import bare

QUICK = ["no_change", "one_drift"]
QUICK_PATIENCE_S = 15


def main() -> int:
    """Read the arguments, measure, and remove the bench's hosts whatever happens."""
    arguments = _arguments()
    results: Results = {}
    status = 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _measure(arguments, results)
    except (TestbedError, OSError) as error:
        say(str(error))
        status = 1
    except KeyboardInterrupt:
        say("interrupted")
        status = 130
    if results:
        print_results(results, Console(width=None if sys.stdout.isatty() else 220))
    if arguments.json and results:
        arguments.json.write_text(json.dumps(medians(results), indent=2) + "\n")
    if arguments.page and status == 0:
        known = load(RESULTS)
        results = {name: {**known, **results}[name] for name in SCENARIOS if name in {**known, **results}}
        save(results, RESULTS)
        write_page(results)
    return status


def _measure(arguments: argparse.Namespace, results: Results) -> None:
    lab = load_lab()
    contenders = [CONTENDERS[name] for name in arguments.contenders or CONTENDERS]
    patience = QUICK_PATIENCE_S if arguments.quick else inf
    plan = Plan(lab, contenders, arguments.hosts, arguments.first_run_hosts, arguments.rounds, patience)
    try:
        remove_all()
        if arguments.profile:
            draw_flame_graph(plan, arguments.profile)
            return
        if arguments.only:
            start_meter(bare(lab)["cpu1"])
        for name in arguments.only:
            if samples := SCENARIOS[name](plan):
                results[name] = Result(this_machine(), samples)
            save(results, FOLDER / "results.json")
    finally:
        say("removing the bench's hosts")
        stop_meter()
        remove_all()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="10 hosts, 3 rounds, nothing to change and one drifted file; who takes over 15 s runs once: "
        "under 5 minutes, and 2 more where the hosts to copy have to be made first",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write medians, ranges and growth to FILE")
    parser.add_argument("--hosts", type=_count, metavar="N", help=f"default 20, at most {MOST_HOSTS}")
    parser.add_argument("--first-run-hosts", type=_count, default=8, metavar="N", help="default 8")
    parser.add_argument("--rounds", type=_count, metavar="R", help="default 5")
    parser.add_argument("--only", type=_names(SCENARIOS), metavar="SCENARIO,…", help=", ".join(SCENARIOS))
    parser.add_argument("--contenders", type=_names(CONTENDERS), metavar="NAME,…", help=", ".join(CONTENDERS))
    parser.add_argument(
        "--page",
        action="store_true",
        help="write docs/performance.md, as a full run does; what was not run is taken from its last results",
    )
    parser.add_argument(
        "--profile",
        type=Path,
        metavar="FILE",
        help="measure nothing, but draw where xpulab's run with nothing to change spends its time (SVG)",
    )
    arguments = parser.parse_args()
    full = arguments.only is None and not (arguments.quick or arguments.contenders or arguments.profile)
    arguments.page = arguments.page or full
    if arguments.only is None:
        arguments.only = QUICK if arguments.quick else list(SCENARIOS)
    arguments.hosts = arguments.hosts or (10 if arguments.quick else 20)
    arguments.rounds = arguments.rounds or (3 if arguments.quick else 5)
    return arguments


def _names(known: Iterable[str]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        chosen = [name for name in text.split(",") if name]
        if unknown := set(chosen) - set(known):
            raise argparse.ArgumentTypeError(
                f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(known)}"
            )
        return chosen

    return names


def _count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= MOST_HOSTS:
        raise argparse.ArgumentTypeError(f"{count} is not between 1 and {MOST_HOSTS}")
    return count


if __name__ == "__main__":
    sys.exit(main())
