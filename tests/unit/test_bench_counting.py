from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from vlab import command

from bench.contenders import ansible_changes, pyinfra_changes, survey_changes, xpulab_changes
from bench.counters import Counts, mean_difference, parse_bytes, parse_counts
from bench.measure import measure
from xpulab.converging.outcome import Outcome
from xpulab.converging.report import last_line

IPTABLES = """Chain XPULAB-BENCH (1 references)
    pkts      bytes target     prot opt in     out     source               destination
     183    17824            6    --  *      *       0.0.0.0/0            127.0.20.0/24        tcp dpt:22
     140    96123 tcp  --  *      *       127.0.20.0/24        0.0.0.0/0            tcp spt:22
"""
RECAP = """PLAY RECAP *******
bench-001 : ok=31   changed=2    unreachable=0    failed=0    skipped=9    rescued=0    ignored=0
bench-002                  : ok=31   changed=0    unreachable=0    failed=0    skipped=9    rescued=0
"""


def test_bytes_are_summed_over_both_directions() -> None:
    assert parse_bytes(IPTABLES) == 17824 + 96123


def test_counts_are_what_happened_between_two_readings_per_host() -> None:
    before = [parse_counts("10\n1\n1\n"), parse_counts("4\n0\n0\n")]
    after = [parse_counts("11\n1\n1\n"), parse_counts("9\n1\n2\n")]
    assert mean_difference(before, after) == Counts(3, 0.5, 1)


def test_changes_of_an_xpulab_run_are_read_from_its_own_last_line() -> None:
    outcomes = [Outcome("a", "converged", changes=3), Outcome("b", "converged")]
    assert xpulab_changes(f"table\n{last_line(outcomes)}\n") == 1
    assert survey_changes(last_line([Outcome("a", "drifted"), Outcome("b", "converged")])) == 1
    assert survey_changes(last_line([Outcome("b", "converged")])) == 0


def test_changes_of_a_playbook_are_summed_over_its_recap() -> None:
    assert ansible_changes(RECAP) == 2


@pytest.mark.parametrize(("success", "changes"), [("-", 0), ("7", 7)])
def test_changes_of_a_plain_deploy_are_in_its_grand_total(success: str, changes: int) -> None:
    assert pyinfra_changes(f"    Grand total    \x1b[1m120\x1b[0m    {success}    -    113") == changes


def test_output_that_does_not_say_what_changed_is_an_error() -> None:
    with pytest.raises(command.TestbedError, match="does not say what it changed"):
        xpulab_changes("Traceback (most recent call last)")


BURN = "import time; end = time.process_time() + {seconds}\nwhile time.process_time() < end: pass"
CHILD = f"""import subprocess, sys
subprocess.run([sys.executable, "-c", "{BURN.format(seconds=0.3).encode("unicode_escape").decode()}"])
"""
ORPHAN = """import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(60)
    os._exit(0)
os.wait()
"""


def test_cpu_of_a_child_of_the_command_is_the_commands(tmp_path: Path) -> None:
    measured = measure([sys.executable, "-c", CHILD], tmp_path, {}, tmp_path / "log")
    assert measured.status == 0
    assert 0.3 <= measured.cpu_s < 5
    assert measured.wall_s >= 0.25


def test_what_a_command_leaves_in_the_background_is_ended_and_not_waited_for(tmp_path: Path) -> None:
    started = time.monotonic()
    measured = measure([sys.executable, "-c", ORPHAN], tmp_path, {}, tmp_path / "log")
    assert measured.status == 0
    assert time.monotonic() - started < 30
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_memory_is_summed_over_the_command_and_its_children(tmp_path: Path) -> None:
    hold = "import time; held = b'x' * 60_000_000; time.sleep(2)"
    both = f'{sys.executable} -c "$0" & {sys.executable} -c "$0"; wait'
    measured = measure(["sh", "-c", both, hold], tmp_path, {}, tmp_path / "log")
    assert measured.peak_mib > 2 * 57
