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

# One worker makes all measurements that are compared, one after the other.
pytestmark = pytest.mark.xdist_group("costs")

COMMANDS_OF_A_DRIFTED_FILE = 5
PROBE_BYTES = 12_000
CONVERGED_SHARE_OF_PLAIN = 0.25
DRIFTED_SHARE_OF_PLAIN = 0.8


class Cost:
    """A run over many hosts, and what each of them adds to one over few.

    Of several rounds the cheapest counts: whatever else the machine does can only make one dearer.
    """

    def __init__(self, folder: Path, kind: str, deploy: str, rounds: int) -> None:
        def finished(hosts: int) -> Finished:
            counted = {"XPULAB_FAKE_LAB": kind, "XPULAB_FAKE_HOSTS": str(hosts)}
            done = Finished(folder, "-y", LAB, deploy, **counted)
            assert done.status == 0, done.errors
            return done

        few = min(finished(FEW).cpu_s for _ in range(rounds))
        runs = [finished(HOSTS) for _ in range(rounds)]
        self.run = min(runs, key=lambda each: each.cpu_s)
        self.cpu_ms_per_host = 1000 * (self.run.cpu_s - few) / (HOSTS - FEW)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Cost:
    return Cost(tmp_path_factory.mktemp("plain"), "converged", PLAIN, rounds=1)


@pytest.fixture(scope="module")
def converged(tmp_path_factory: pytest.TempPathFactory) -> Cost:
    return Cost(tmp_path_factory.mktemp("converged"), "converged", XPULAB, rounds=3)


@pytest.fixture(scope="module")
def drifted(tmp_path_factory: pytest.TempPathFactory) -> Cost:
    return Cost(tmp_path_factory.mktemp("drifted"), "drifted", XPULAB, rounds=1)


def test_a_converged_host_costs_one_remote_command(converged: Cost) -> None:
    assert converged.run.lines[-1] == "xpulab: hosts=500 converged=500 changed=0 refused=0 failed=0"
    assert set(converged.run.commands.values()) == {1}


def test_a_drifted_file_costs_no_more_than_five_remote_commands(drifted: Cost) -> None:
    assert drifted.run.lines[-1] == "xpulab: hosts=500 converged=500 changed=500 refused=0 failed=0"
    assert max(drifted.run.commands.values()) <= COMMANDS_OF_A_DRIFTED_FILE


def test_what_is_sent_to_a_converged_host_stays_small(converged: Cost) -> None:
    assert max(sum(lengths) for lengths in converged.run.lengths.values()) <= PROBE_BYTES


def test_a_converged_host_costs_the_control_node_a_fraction_of_four_plain_operations(
    converged: Cost, plain: Cost
) -> None:
    assert converged.cpu_ms_per_host < CONVERGED_SHARE_OF_PLAIN * plain.cpu_ms_per_host


def test_a_drifted_host_costs_the_control_node_less_than_four_plain_operations(
    drifted: Cost, plain: Cost
) -> None:
    assert drifted.cpu_ms_per_host < DRIFTED_SHARE_OF_PLAIN * plain.cpu_ms_per_host
