"""What a host said, in the one line that tells why."""

from __future__ import annotations

import pytest
from pyinfra.connectors.util import CommandOutput, OutputLine

from xpulab.converging.remote import last_words

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
        (["Job for docker.service failed.", "See journalctl."], "See journalctl."),
        ([], "no word of why"),
    ],
)
def test_the_line_that_says_why_is_shown(lines: list[str], why: str) -> None:
    assert last_words(CommandOutput([OutputLine("stderr", line) for line in lines])) == why
