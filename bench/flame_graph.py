"""Where the control node's time goes in a run with nothing to change."""

from __future__ import annotations

from pathlib import Path

from vlab.command import run
from vlab.places import ROOT

from bench.contenders import BIN, CONTENDERS
from bench.hosts import bench_hosts
from bench.inventories import FOLDER, write_inventories
from bench.scenarios import Plan
from bench.snapshots import bring_up_converged, converge

SAMPLES_PER_S = 500


def draw_flame_graph(plan: Plan, file: Path) -> None:
    """Have py-spy watch xpulab at work on converged hosts, and write its flame graph."""
    hosts = bench_hosts(plan.hosts)
    inventories = write_inventories(FOLDER / f"converged-{plan.hosts}", hosts, plan.lab)
    bring_up_converged(hosts, plan.lab, inventories.known_hosts)
    converge(inventories)
    command = CONTENDERS["xpulab"].command(inventories, hosts, plan.lab.user)
    watch = [str(BIN / "py-spy"), "record", "--rate", str(SAMPLES_PER_S), "--output", str(file.resolve())]
    run([*watch, "--", *command.argv], cwd=ROOT)
