"""What a lab of 500 hosts costs: counted, or measured against plain operations in the same run.

A budget that a change breaks is a change that makes every night's run of every lab slower.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.test_fake_lab import Finished

LAB, XPULAB, PLAIN = "tests/unit/fake_lab.py", "deploys/xpu.py", "tests/unit/plain_deploy.py"
HOSTS = 500
FEW = 20
ROUNDS = 3

# One worker makes all measurements that are compared, one after the other.
pytestmark = pytest.mark.xdist_group("costs")

COMMANDS_OF_A_DRIFTED_FILE = 5
PROBE_BYTES = 12_000
CONVERGED_SHARE_OF_PLAIN = 0.25
DRIFTED_SHARE_OF_PLAIN = 0.8


class Cost:
    """A run over many hosts, and what each of them adds to one over few."""

    def __init__(self, folder: Path, kind: str, deploy: str) -> None:
        lab = {"XPULAB_FAKE_LAB": kind}
        few = Finished(folder, "-y", LAB, deploy, XPULAB_FAKE_HOSTS=str(FEW), **lab)
        self.run = Finished(folder, "-y", LAB, deploy, XPULAB_FAKE_HOSTS=str(HOSTS), **lab)
        assert self.run.status == 0, self.run.errors
        self.cpu_ms_per_host = 1000 * (self.run.cpu_s - few.cpu_s) / (HOSTS - FEW)


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Cost, Cost]]:
    """What a converged host and plain operations cost, side by side.

    Whatever else the machine does in a round makes both dearer, and one of them at times more than the other.
    """
    folder = tmp_path_factory.mktemp("rounds")
    return [(Cost(folder, "converged", XPULAB), Cost(folder, "converged", PLAIN)) for _ in range(ROUNDS)]


@pytest.fixture(scope="module")
def converged(rounds: list[tuple[Cost, Cost]]) -> Cost:
    return rounds[0][0]


@pytest.fixture(scope="module")
def plain(rounds: list[tuple[Cost, Cost]]) -> Cost:
    return max((each for _, each in rounds), key=lambda each: each.cpu_ms_per_host)


@pytest.fixture(scope="module")
def drifted(tmp_path_factory: pytest.TempPathFactory) -> Cost:
    return Cost(tmp_path_factory.mktemp("drifted"), "drifted", XPULAB)


def test_a_converged_host_costs_one_remote_command(converged: Cost) -> None:
    assert converged.run.lines[-1] == "xpulab: hosts=500 converged=500 changed=0 refused=0 failed=0"
    assert set(converged.run.commands.values()) == {1}


def test_a_drifted_file_costs_no_more_than_five_remote_commands(drifted: Cost) -> None:
    assert drifted.run.lines[-1] == "xpulab: hosts=500 converged=500 changed=500 refused=0 failed=0"
    assert max(drifted.run.commands.values()) <= COMMANDS_OF_A_DRIFTED_FILE


def test_what_is_sent_to_a_converged_host_stays_small(converged: Cost) -> None:
    assert max(sum(lengths) for lengths in converged.run.lengths.values()) <= PROBE_BYTES


def test_a_converged_host_costs_the_control_node_a_fraction_of_four_plain_operations(
    rounds: list[tuple[Cost, Cost]],
) -> None:
    shares = [converged.cpu_ms_per_host / plain.cpu_ms_per_host for converged, plain in rounds]
    assert min(shares) < CONVERGED_SHARE_OF_PLAIN, shares


def test_a_drifted_host_costs_the_control_node_less_than_four_plain_operations(
    drifted: Cost, plain: Cost
) -> None:
    assert drifted.cpu_ms_per_host < DRIFTED_SHARE_OF_PLAIN * plain.cpu_ms_per_host
