"""Real ranks of real torchruns on this machine, over gloo."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from xpudevice.check import torchrun
from xpudevice.check.command import main
from xpudevice.check.torchrun import spawned_outcomes

TESTS = Path(__file__).parent


def gone_wrong(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setenv("GONE_WRONG", how)
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    monkeypatch.setattr(torchrun, "RANKS", "ranks_gone_wrong")


def start_node(port: int, nodes: int) -> subprocess.Popen[str]:
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--nnodes", str(nodes), "--nproc-per-node", "1"),
        *("--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{port}", "--rdzv-id", "test"),
        *("--local-addr", "127.0.0.1", "-m", "xpudevice.check", "--json", "--device", "cpu"),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_ranks_of_this_host_reduce_and_train_together(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "--device", "cpu"]) == 0
    outcomes = json.loads(capsys.readouterr().out)["outcomes"]
    together = [each for each in outcomes if each["check"] in ("all-reduce", "DDP step")]
    host = socket.gethostname()
    assert [(each["check"], each["where"], each["state"]) for each in together] == [
        ("all-reduce", f"rank 0 on {host}, cpu", "passed"),
        ("DDP step", f"rank 0 on {host}, cpu", "passed"),
        ("all-reduce", f"rank 1 on {host}, cpu", "passed"),
        ("DDP step", f"rank 1 on {host}, cpu", "passed"),
    ]
    assert together[0]["detail"].startswith("gloo, 2 ranks, 16 MiB in ")


def test_two_nodes_meet_and_rank_0_reports_for_both() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    nodes = [start_node(port, nodes=2) for _ in range(2)]
    answers = [each.communicate(timeout=100) for each in nodes]
    assert [each.returncode for each in nodes] == [0, 0], answers
    printed = [out for out, _ in answers if out.strip()]
    assert len(printed) == 1
    report = json.loads(printed[0])
    ranks = {(each["check"], each["where"].split(" on ")[0], each["state"]) for each in report["outcomes"]}
    for check in ("device", "matmul fp32", "memory", "all-reduce", "DDP step"):
        assert {(check, "rank 0", "passed"), (check, "rank 1", "passed")} <= ranks


def test_a_sum_that_is_wrong_on_one_rank_fails_there(monkeypatch: pytest.MonkeyPatch) -> None:
    gone_wrong(monkeypatch, "sum")
    outcomes = spawned_outcomes("cpu", 2)
    states = {(each.check, each.where.split(" on ")[0]): each.state for each in outcomes}
    assert states["all-reduce", "rank 0"] == "passed"
    assert states["all-reduce", "rank 1"] == "failed"
    details = [each.detail for each in outcomes if each.state == "failed"]
    assert details == ["1 of 1, 1 of 1000, 1 of 4194304 elements of the sum over 2 ranks are wrong"]


def test_a_rank_that_is_lost_fails_the_all_reduce(monkeypatch: pytest.MonkeyPatch) -> None:
    gone_wrong(monkeypatch, "lost")
    [outcome] = spawned_outcomes("cpu", 2)
    assert outcome.state == "failed"
    assert outcome.detail == "torchrun with 2 ranks: Error: this rank is lost"


def test_ranks_on_different_devices_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    gone_wrong(monkeypatch, "device")
    outcomes = spawned_outcomes("cpu", 2)
    assert [each.state for each in outcomes] == ["failed", "failed"]
    assert "the ranks compute on different devices (rank 0: cpu, rank 1: xpu)" in outcomes[0].detail
    assert "XPULAB_DEVICE" in outcomes[0].remedy


def test_ranks_that_take_too_long_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchrun, "SECONDS", 0.5)
    [outcome] = spawned_outcomes("cpu", 2)
    assert outcome.state == "failed"
    assert outcome.detail == "torchrun with 2 ranks: no answer within 0.5 s"
