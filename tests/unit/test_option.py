"""An option that must not have another value in a file of somebody else's."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.sample_hosts import RTX_3090, host, manifest_of
from xpulab.desired.kinds.option import Option
from xpulab.desired.thing import Shell
from xpulab.inventory.settings import HostSettings

PATH = "/etc/nvidia-container-runtime/config.toml"
NO_CGROUPS = Option(PATH, "no-cgroups", "false")


@pytest.mark.parametrize(
    "text", ["", "#no-cgroups = true\n", "no-cgroups = false\n", "[x]\nno-cgroups=false # as it was\n"]
)
def test_where_nothing_says_otherwise_there_is_no_difference(text: str) -> None:
    assert list(NO_CGROUPS.differences(host(contents={PATH: text}))) == []


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("no-cgroups = true\n", "no-cgroups = false\n"),
        (
            "[nvidia-container-cli]\n\tno-cgroups=true # rootless\nload-kmods = true\n",
            "[nvidia-container-cli]\n\tno-cgroups=false # rootless\nload-kmods = true\n",
        ),
    ],
)
def test_only_the_value_changes(tmp_path: Path, text: str, after: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    option = replace(NO_CGROUPS, path=str(file))
    (difference,) = option.differences(host(contents={str(file): text}))
    assert (difference.found, difference.wanted) == ("true", "false")
    assert difference.rewrites[0].text == after
    assert isinstance(difference.mend, Shell)
    subprocess.run(["sh", "-c", "\n".join(difference.mend.lines)], check=True)
    assert file.read_text() == after


def test_nvidia_hosts_keep_devices_in_their_containers() -> None:
    assert NO_CGROUPS in manifest_of(host(RTX_3090), HostSettings()).of(Option)
