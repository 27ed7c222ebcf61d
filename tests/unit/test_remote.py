"""What a host said, in the one line that tells why."""

from __future__ import annotations

import subprocess
from typing import cast

import pytest
from pyinfra.api.host import Host
from pyinfra.connectors.util import CommandOutput, OutputLine

from xpulab.converging import remote
from xpulab.converging.remote import last_words, without_control_characters

NOTHING_SAID = "E: Sub-process /usr/bin/dpkg returned an error code (1)"
FULL = "dpkg: error: cannot copy extracted data: No space left on device"
FETCH = "E: Failed to fetch https://mirror.lab/InRelease  403 Forbidden"


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([FETCH, "E: Some index files failed to download."], FETCH),
        (
            ["E: Sub-process /usr/bin/dpkg returned an error code (1)"],
            "E: Sub-process /usr/bin/dpkg returned an error code (1)",
        ),
        (
            ["dpkg: error: cannot copy: No space left on device", "E: Sub-process returned"],
            "dpkg: error: cannot copy: No space left on device",
        ),
        (
            [
                "W: Failed to fetch https://mirror.lab/InRelease  Could not connect",
                "E: Package 'libze1' has no installation candidate",
            ],
            "W: Failed to fetch https://mirror.lab/InRelease  Could not connect",
        ),
        (["W: Failed to fetch https://other.lab", "E: dpkg was interrupted"], "E: dpkg was interrupted"),
        (["Job for docker.service failed.", "See journalctl."], "See journalctl."),
        ([], "no word of why"),
    ],
)
def test_the_line_that_says_why_is_shown(lines: list[str], why: str) -> None:
    assert last_words(CommandOutput([OutputLine("stderr", line) for line in lines])) == why


def test_what_a_host_says_does_not_act_on_the_operators_terminal() -> None:
    said = CommandOutput([OutputLine("stderr", "\x1b]0;owned\x07 \x9b31m caf\u00e9\t\u202egnp.exe")])
    assert without_control_characters(said).stderr_lines == ["?]0;owned? ?31m caf\u00e9\t?gnp.exe"]


def sent(monkeypatch: pytest.MonkeyPatch, script: str, stdin: str = "") -> tuple[str, str]:
    """The command and the standard input by which a script goes to a host."""
    seen: list[tuple[str, str]] = []

    def as_root(host: object, command: object, timeout: int, stdin: str = "") -> tuple[bool, CommandOutput]:
        seen.append((str(command), stdin))
        return True, CommandOutput([])

    monkeypatch.setattr(remote, "_as_root", as_root)
    remote.run_script(cast(Host, None), script, 10, stdin, "apt: 1 to install")
    return seen[0]


def test_what_a_script_writes_is_in_no_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    script = "echo hunter2\nread -r more || echo nothing more to read\nexit 3"
    command, stdin = sent(monkeypatch, script)
    assert command == "sh -s 'apt: 1 to install'"
    done = subprocess.run(
        ["sh", "-s", "a word"], input=f"{stdin}echo not this", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (3, "hunter2\nnothing more to read\n")


def test_a_script_may_be_longer_than_an_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    _, stdin = sent(monkeypatch, "\n".join(f": {'x' * 1000}" for _ in range(3000)) + "\necho whole")
    done = subprocess.run(["sh", "-s", "a word"], input=stdin, capture_output=True, text=True, check=True)
    assert done.stdout == "whole\n"


def test_a_script_that_reads_something_is_an_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    command, stdin = sent(monkeypatch, "cat", "context")
    assert command == "sh -c cat" and stdin == "context"
