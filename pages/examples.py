"""Six typical hosts explained, in docs/explain.md and README.md."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from typer.testing import CliRunner

from xpulab import command as cli
from xpulab.explaining.explanation_page import wrap
from xpulab.explaining.policy_options import keys
from xpulab.roles import BUILT_IN

HEAD = """\
<!-- Made by `python -m pages` from the catalog: change that, then run it again. -->

# xpulab explain

The answer for a host that need not exist: what it would get, the rule behind each choice and the rule's
source, or why it would be refused and what to do. PCI ids are as `lspci -nn` shows them; given together they
are one host.

    xpulab explain [ID...] [--os ubuntu-24.04] [--kernel "$(uname -r)"] [--secure-boot] [policy] [--json]
    xpulab explain --here [ID...] [policy] [--json]
    lspci -n | awk '$2 ~ /^03/ {print $3}' | xpulab explain --each --os debian-12

- Without ids it is a host without accelerator.
- `--os` defaults to ubuntu-22.04, `--kernel` to the system's own in some build (`…-1-generic`). An
  unsupported one is a refusal like any other.
- `--here` is the machine that the command runs on: its PCI bus, Secure Boot, system and kernel, Docker's free
  space. Any user will do; images that are there count for one who may ask Docker. What is said beside it
  takes the place of what was found: ids that of all its devices (a card before it is bought), `--kernel` and
  `--[no-]secure-boot` theirs. Another system than its own (`--os`) is one newly installed on it: with that
  system's kernel, unless `--kernel` is said too, and an empty disk. No inventory is read. Exit status 1 when
  the machine cannot be looked at.
- `--snapshot` is a host of which a [survey saved](runs.md#snapshots) what it saw and what its inventory said:
  the same page, and below it what differs, as a run shows it. Policy said beside it takes the place of the
  inventory's. A lab's own roles count where `--lab` names its file, which runs their code; else the page says
  which they were. `--json` has `host`, `state`, `reason`, `differences`, `untold` (what the
  snapshot cannot tell, and why) and `snapshot` (what wrote it, what was made of the host there, what was left
  out) beside the other keys. Exit status 1 when the file is no snapshot that can be read.
- Policy is that of the inventory: `--policy key=value`, as often as needed, or the key's own option
  (`--nvidia-driver 595` is `--policy nvidia_driver=595`). The keys are below.
- `--json` prints `{"target": {...} | null, "refusal": null | {"reason", "remedy"}}`. `kernel` is the running
  one, or the package that brings the one to reboot into. With `prefer: both`, `driver` is that of `vendor`;
  `packages` has the other one's too.
- `--each` makes every id a host of its own and prints one JSON line for each, with the id as `pci_id`;
  without ids as arguments it reads them from standard input, and of none it prints nothing.
- A terminal gets lines that fit it, broken between words alone; a pipe or a file gets them whole. (Below they
  are broken for this page.)
- Exit status: 0 for an answer, a refusal included; 3 when an id is not in the catalog; 2 for wrong usage.

"""
HOSTS_BEGIN = """\
Six typical hosts:
"""
HOSTS = {
    "A workstation with an RTX 3090 beside an idle iGPU": (
        "10de:2204 8086:4680 --os ubuntu-22.04 --kernel 5.15.0-161-generic"
    ),
    "An old GTX 1080 Ti on Debian 12": "10de:1b06 --os debian-12",
    "An HGX H100 server: eight GPUs behind NVSwitches (two of each here), branch 595": (
        "10de:2330 10de:2330 10de:22a3 10de:22a3 --os ubuntu-24.04 --nvidia-driver 595 --secure-boot"
    ),
    "An Arc B580 on Ubuntu 24.04 with its first kernel": (
        "8086:e20b --os ubuntu-24.04 --kernel 6.8.0-31-generic"
    ),
    "A Data Center GPU Max under Secure Boot": "8086:0bda --os ubuntu-22.04 --secure-boot",
    "A Volta card for which the inventory asks for branch 595": (
        "10de:1db4 --os ubuntu-24.04 --nvidia-driver 595"
    ),
}
IN_README = (list(HOSTS)[3], list(HOSTS)[5])
"""One that is accepted and one that is refused."""
WIDTH, README_WIDTH = 110, 150

ROOT = Path(__file__).resolve().parent.parent
PAGE, README = ROOT / "docs" / "explain.md", ROOT / "README.md"
FIRST, LAST = (
    "<!-- explained hosts: made by `python -m pages` -->",
    "<!-- end of explained hosts -->",
)


def page() -> str:
    """The whole of docs/explain.md."""
    return "\n".join(
        [HEAD + _policy(), HOSTS_BEGIN, *(f"## {title}\n\n{output}\n" for title, output in _explained())]
    )


def _policy() -> str:
    """The keys of the policy as a table."""
    rows = [f"| `{key.name}` | {key.values} | {key.default or ''} | {key.meaning} |" for key in keys()]
    return "\n".join(["| key | takes | default | |", "|---|---|---|---|", *rows, ""])


def readme(text: str) -> str:
    """README.md with the hosts between its two marks as they are explained today."""
    before, _, rest = text.partition(FIRST)
    explained = dict(_explained(README_WIDTH))
    hosts = "\n\n".join(f"{title}:\n\n{explained[title]}" for title in IN_README)
    return f"{before}{FIRST}\n{hosts}\n{LAST}{rest.partition(LAST)[2]}"


def _explained(width: int = WIDTH) -> Iterator[tuple[str, str]]:
    runner, app = CliRunner(), cli.build(BUILT_IN)
    for title, arguments in HOSTS.items():
        output = runner.invoke(app, ["explain", *shlex.split(arguments)]).stdout
        lines = "\n".join(part for line in output.splitlines() for part in wrap(line, width))
        yield title, f"```console\n$ xpulab explain {arguments}\n{lines}\n```"


def write() -> None:
    """Put both where they stand."""
    PAGE.write_text(page(), encoding="utf-8")
    README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")
