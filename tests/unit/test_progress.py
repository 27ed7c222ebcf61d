from __future__ import annotations

from xpulab.converging.progress import Doing, block

APT = Doing("apt: 12 to install", 100.0)


def test_each_host_has_a_line_with_what_it_does_and_for_how_long() -> None:
    now = {"gpu-10": Doing("pull pytorch", 158.0), "gpu-2": APT}
    assert block(now, done=2, clock=160.0, rows=24, columns=80) == [
        "    50% (2/4)",
        "    gpu-10  pull pytorch  2 s",
        "    gpu-2   apt: 12 to install  60 s",
    ]


def test_forty_hosts_take_no_more_rows_than_the_terminal_has_and_none_is_left_out() -> None:
    now = {
        f"gpu-{number:02}": Doing("boots" if number % 4 else "pull", 100.0 + number) for number in range(40)
    }
    lines = block(now, done=0, clock=200.0, rows=24, columns=80)
    assert len(lines) == 22
    assert lines[1] == "    gpu-00  pull  100 s"
    assert lines[-2] == "    gpu-19  boots  81 s"
    assert lines[-1] == "    and 20 more: boots (15), pull (5)"


def test_a_host_more_than_lines_is_shown_rather_than_counted() -> None:
    now = {str(number): APT for number in range(5)}
    assert len(block(now, done=0, clock=100.0, rows=8, columns=80)) == 6


def test_no_line_is_longer_than_the_terminal_is_wide() -> None:
    lines = block({"gpu": Doing("x" * 100, 0.0)}, done=0, clock=1.0, rows=24, columns=40)
    assert [len(line) for line in lines] == [12, 39]
    assert lines[1].endswith("x…")
