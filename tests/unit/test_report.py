from __future__ import annotations

from io import StringIO

from rich.console import Console

from xpulab.converging.outcome import Outcome
from xpulab.converging.report import last_line, print_plan, print_summary
from xpulab.desired.thing import Difference, InApt
from xpulab.resolving.target import Accelerator, Driver, Image, Target

CARD = Accelerator("0000:01:00.0", "10de:2204", "GeForce RTX 3090", "ampere", "8.6")
TARGET = Target(
    "nvidia",
    "ubuntu-22.04",
    (CARD, CARD),
    Driver("580", "open", "archive"),
    "5.15.0-161-generic",
    "generic",
    Image("pytorch/pytorch:2.14.1-cuda13.0-cudnn9-runtime", None, 20),
    "docker.io",
)
DRIFT = (Difference("package", "docker.io", "not there", "installed", InApt("docker.io")),)


def printed(*outcomes: Outcome) -> str:
    text = StringIO()
    print_summary(Console(file=text, width=160), outcomes)
    return text.getvalue()


def test_the_last_line_counts_every_state() -> None:
    outcomes = [
        Outcome("a", "converged", TARGET, changes=4),
        Outcome("b", "converged", TARGET),
        Outcome("c", "refused", reason="no"),
        Outcome("d", "failed", reason="dead"),
    ]
    assert last_line(outcomes) == "xpulab: hosts=4 converged=2 changed=1 refused=1 failed=1"
    assert printed(*outcomes).splitlines()[-1] == last_line(outcomes)


def test_hosts_that_only_differ_are_named_in_a_run_that_changes_nothing() -> None:
    line = last_line([Outcome("a", "drifted", TARGET, drift=DRIFT)])
    assert line == "xpulab: hosts=1 converged=0 changed=0 refused=0 failed=0 drifted=1"


def test_the_table_says_what_a_host_has_and_gets() -> None:
    text = printed(Outcome("nv1", "converged", TARGET))
    assert "2× GeForce RTX 3090" in text
    assert "nvidia 580 open" in text
    assert "pytorch/pytorch:2.14.1-cuda13.0-cudnn9-runtime" in text


def test_a_refusal_is_printed_with_its_remedy() -> None:
    text = printed(Outcome("odd1", "refused", reason="10de:ffff is unknown", remedy="add it to the catalog"))
    assert "odd1: 10de:ffff is unknown" in text
    assert "→ add it to the catalog" in text


def test_markup_in_what_a_host_says_is_printed_as_it_is() -> None:
    assert "[/red] [bold]" in printed(Outcome("a", "failed", reason="[/red] [bold]"))


def test_a_plan_names_value_found_and_value_wanted() -> None:
    text = StringIO()
    print_plan(Console(file=text, width=160), Outcome("nv1", "drifted", TARGET, drift=DRIFT))
    assert "package docker.io: not there → installed" in text.getvalue()


def test_a_plan_shows_the_diffs_asked_for_below_the_differences_and_no_password_in_either() -> None:
    drift = (Difference("apt source", "mirror", "not there", "https://me:hunter2@mirror stable", InApt("x")),)
    outcome = Outcome("nv1", "drifted", TARGET, drift=drift, diffs=("--- /etc/a\n+++ /etc/a\n-[red]\n+b",))
    text = StringIO()
    print_plan(Console(file=text, width=160), outcome)
    assert text.getvalue().splitlines()[1:] == [
        "    apt source mirror: not there → https://********@mirror stable",
        "    --- /etc/a",
        "    +++ /etc/a",
        "    -[red]",
        "    +b",
    ]
