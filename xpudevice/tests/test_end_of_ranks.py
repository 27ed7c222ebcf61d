"""Distributed programs end with the status that they have earned: the docs' training script, and xpu-check.

A program that leaves gloo's threads behind is aborted by one of them about one time in forty. That none is
left is looked for directly; TRAINING_RUNS=300 script/test-xpudevice -k ends_with_0 also counts runs.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
DOCS = TESTS.parents[1] / "docs/workbench.md"
WATCHED = str(TESTS / "watched_rank.py")
RUNS = int(os.environ.get("TRAINING_RUNS", "1"))
GATHERED = "    dist.all_gather(weights, model.module.weight.detach())\n"


def documented() -> str:
    """The training script of docs/workbench.md."""
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    [script] = [each for each in blocks if "DistributedDataParallel" in each]
    return str(script)


def start(*program: str) -> subprocess.CompletedProcess[str]:
    """Two ranks of a program on this host, started by torchrun."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"),
            *("--nproc-per-node", "2", *program),
        ],
        env={**os.environ, "GLOO_SOCKET_IFNAME": "lo", "XPULAB_DEVICE": "cpu"},
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.fixture
def training(tmp_path: Path) -> Path:
    script = tmp_path / "train.py"
    script.write_text(documented())
    return script


@pytest.mark.parametrize("run", range(RUNS))
def test_the_training_script_ends_with_0(training: Path, run: int) -> None:
    done = start(str(training))
    assert done.returncode == 0, done.stderr
    assert "2 ranks agree" in done.stdout


def test_the_training_script_leaves_no_thread_of_gloo_behind(training: Path) -> None:
    done = start(WATCHED, str(training))
    assert done.returncode == 0, done.stderr
    assert "2 ranks agree" in done.stdout


def test_xpu_check_under_torchrun_leaves_no_thread_of_gloo_behind() -> None:
    done = start(WATCHED, "-m", "xpudevice.check", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert "DDP step" in done.stdout


def test_a_model_that_outlives_the_process_group_is_seen(training: Path) -> None:
    text = training.read_text()
    training.write_text(text.replace("    model = ", "    global model\n    model = "))
    done = start(WATCHED, str(training))
    assert done.returncode != 0
    assert "2 threads of gloo outlive the process group" in done.stderr


@pytest.mark.parametrize(
    ("rank_1", "says"),
    [
        ("weights[0] += 1", "AssertionError"),
        ("raise SystemExit('Error: this rank is lost')", "Error: this rank is lost"),
    ],
)
def test_a_rank_that_fails_makes_torchrun_fail(training: Path, rank_1: str, says: str) -> None:
    text = training.read_text()
    assert GATHERED in text
    training.write_text(text.replace(GATHERED, f"{GATHERED}    if dist.get_rank() == 1:\n        {rank_1}\n"))
    done = start(str(training))
    assert done.returncode != 0
    assert says in done.stderr
