"""What a host said, in the one line that tells why."""

from __future__ import annotations

import pytest
from pyinfra.connectors.util import CommandOutput, OutputLine

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
