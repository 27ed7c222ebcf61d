"""A lab's own deploys in a folder of its own, through the real command line, on pyinfra's @fake connector."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INVENTORY = str(ROOT / "tests/unit/few_hosts.py")
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "PYINFRA_PROGRESS": "off",
    "XPULAB_FAKE_HOSTS": "0",
}
CONFIG = (ROOT / "config.py").read_text()
CONVERGE = """
from xpulab.converging import converge
from xpulab.roles import BUILT_IN

converge.deploy(BUILT_IN)
"""
BEFORE_AND_AFTER = f"""
from pyinfra.operations import server

server.shell(name="Say before", commands="before")
{CONVERGE}
server.shell(name="Break it", commands="break-it")
server.shell(name="Say after", commands="after")
"""
CHOOSY = f"""
{CONVERGE.replace("converge.deploy", "state = converge.deploy")}
from pyinfra.operations import server

if state not in ("refused", "failed"):
    server.shell(commands="break-it", _ignore_errors=True)
"""
DEPLOY_FUNCTION = """
from pyinfra.api import deploy
from xpulab.converging import converge
from xpulab.roles import BUILT_IN

@deploy("GPU hosts")
def provision():
    converge.deploy(BUILT_IN)
"""
PLAIN_FUNCTION = """
def provision():
    from xpulab.converging import converge
    from xpulab.roles import BUILT_IN

    converge.deploy(BUILT_IN)
"""


# In one worker the tests share their runs.
pytestmark = pytest.mark.xdist_group("own deploys")


class Lab:
    """A folder with a lab's own deploy, and the runs in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def run(self, *arguments: str, hosts: str = "", deploy: str = "gpus.py") -> Run:
        limits = [word for host in hosts.split() for word in ("--limit", f"@fake/{host}")]
        command = [sys.executable, "-m", "pyinfra", *arguments, *limits, INVENTORY, deploy]
        counts = self.folder / "counts.json"
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**ENVIRONMENT, "XPULAB_FAKE_COUNTS": str(counts)},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        lengths = json.loads(counts.read_text()) if counts.exists() else {}
        return Run(done, {host: len(each) for host, each in lengths.items() if each})


class Run:
    """A finished run: what it printed where, its exit status, and how many remote commands each host got."""

    def __init__(self, done: subprocess.CompletedProcess[str], commands: dict[str, int]) -> None:
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.commands = commands

    @property
    def last_line(self) -> str:
        return self.out.splitlines()[-1] if self.out else self.err

    def order(self, host: str, *words: str) -> list[str]:
        """Which of the words pyinfra printed for the host, in their order; headlines are everybody's."""
        found = re.finditer(rf"(?:--> Starting operation: |\[{host}\] )([^\n]*)", self.err)
        lines = [match[1] for match in found]
        return [word for line in lines for word in words if word in line]


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    lab = Lab(tmp_path)
    lab.write("gpus.py", BEFORE_AND_AFTER)
    lab.write("config.py", CONFIG)
    return lab


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    lab = Lab(tmp_path_factory.mktemp("lab"))
    lab.write("gpus.py", BEFORE_AND_AFTER)
    lab.write("config.py", CONFIG)
    return lab


@pytest.fixture(scope="module")
def full(shared: Lab) -> Run:
    return shared.run("-y", "--diff")


@pytest.fixture(scope="module")
def told(shared: Lab) -> Run:
    return shared.run("-y", "--dry", "--diff", hosts="drifted good odd")


def test_a_deploy_of_any_name_ends_with_table_last_line_and_exit_status(full: Run) -> None:
    assert full.last_line == "xpulab: hosts=6 converged=3 changed=6 refused=1 failed=2", full.err
    assert full.status == 1
    assert "@fake/stuck: still differs after every step" in full.out


def test_the_deploys_own_operations_run_in_their_order_and_count_as_changes(full: Run) -> None:
    order = full.order("@fake/drifted", "Say before", "Converge", "Break it", "Say after")
    assert order == ["Say before", "Converge", "Break it", "Say after"]
    assert re.search(r"@fake/drifted .* 4 │ converged", full.out)
    assert re.search(r"@fake/good .* 3 │ converged", full.out)


def test_a_failed_operation_fails_its_host_by_name_and_ends_its_part(full: Run) -> None:
    assert "@fake/breaks: operation 'Break it' of the deploy failed; its own words are above" in full.out
    assert re.search(r"@fake/breaks .* 1 │ failed", full.out)


def test_a_refused_host_stays_refused_and_the_labs_own_operations_run_there(full: Run) -> None:
    assert re.search(r"@fake/odd: .*10de:ffff", full.out)
    assert re.search(r"@fake/odd .* 3 │ refused", full.out)
    assert full.commands["@fake/odd"] == 1 + 3


def test_a_diff_of_what_does_change_is_shown_before_it_changes(full: Run) -> None:
    assert '    +DPkg::Lock::Timeout "600";' in full.out.splitlines()


def test_an_operation_that_fails_before_converging_leaves_the_host_failed_and_unconverged(lab: Lab) -> None:
    lab.write("gpus.py", BEFORE_AND_AFTER.replace('"before"', '"break-it"'))
    run = lab.run("-y", hosts="breaks")
    assert "@fake/breaks: operation 'Say before' of the deploy failed" in run.out
    assert run.commands["@fake/breaks"] == 2
    assert run.status == 1


def test_a_deploy_can_ignore_a_failure_and_keep_its_operations_from_a_refused_host(lab: Lab) -> None:
    lab.write("gpus.py", CHOOSY)
    run = lab.run("-y", hosts="breaks odd good")
    assert run.commands == {"@fake/breaks": 2, "@fake/odd": 1, "@fake/good": 2}
    assert run.last_line == "xpulab: hosts=3 converged=2 changed=1 refused=1 failed=0", run.err


@pytest.mark.parametrize(
    ("own_file", "has_config"),
    [(DEPLOY_FUNCTION, True), (PLAIN_FUNCTION, False)],
    ids=["a pyinfra deploy function", "a function, and no config.py"],
)
def test_converging_may_stand_in_a_file_of_the_labs_own(lab: Lab, own_file: str, has_config: bool) -> None:
    lab.write("our_gpus.py", own_file)
    lab.write("gpus.py", "from our_gpus import provision\nprovision()\n")
    if not has_config:
        (lab.folder / "config.py").unlink()
    run = lab.run("-y", hosts="drifted odd")
    assert run.last_line == "xpulab: hosts=2 converged=1 changed=1 refused=1 failed=0", run.err
    assert run.status == 1


def test_a_deploy_without_xpulab_owes_nothing(lab: Lab) -> None:
    lab.write("plain.py", "from pyinfra.operations import server\nserver.shell(commands='x')\n")
    run = lab.run("-y", hosts="odd", deploy="plain.py")
    assert (run.status, run.out) == (0, ""), run.err


def test_a_dry_run_lists_changes_with_and_without_yes_and_converged_hosts_in_the_table_alone(
    shared: Lab, told: Run
) -> None:
    asked = shared.run("--dry", "--diff", hosts="drifted good odd")
    assert asked.out == told.out
    assert asked.status == told.status == 1
    plan, _, table = told.out.partition("host ")
    assert "    file /etc/apt/apt.conf.d/99xpulab-lock-timeout: other content → as in the manifest" in plan
    assert "@fake/good" not in plan
    assert "@fake/good" in table
    for run in (asked, told):
        assert re.search(r"Say before +3 \(@fake/drifted, @fake/good, @fake/odd\)", run.err)
        assert re.search(r"Converge +1 \(@fake/drifted\)", run.err)


def test_a_diff_costs_a_drifted_host_one_more_command_and_a_converged_one_none(told: Run) -> None:
    assert told.commands == {"@fake/drifted": 2, "@fake/good": 1, "@fake/odd": 1}
    assert '    -DPkg::Lock::Timeout "5";' in told.out.splitlines()
    assert '    -Acquire::http::Proxy "http://********@proxy:3128";' in told.out.splitlines()


def test_the_page_on_runs_shows_what_a_run_prints_today(told: Run) -> None:
    printed = "\n".join(line.rstrip() for line in told.out.splitlines())
    assert f"```\n{printed}\n```" in (ROOT / "docs/runs.md").read_text()


def test_json_is_one_document_of_pyinfras_keys_and_ours_and_the_table_goes_to_stderr(lab: Lab) -> None:
    lab.write("gpus.py", "import os\nprint('stray')\nos.system('echo stray')\n" + BEFORE_AND_AFTER)
    run = lab.run("-y", "--json", hosts="drifted odd breaks")
    said = json.loads(run.out)
    assert run.err.splitlines()[-1] == "xpulab: hosts=3 converged=1 changed=3 refused=1 failed=1"
    assert run.status == 1
    nothing = {"waiting": 0, "drifted": 0, "rebooting": 0}
    totals = {"hosts": 3, "converged": 1, "changed": 3, "refused": 1, "failed": 1, **nothing}
    assert said["xpulab"]["totals"] == totals
    drifted, odd = (said["xpulab"]["hosts"][f"@fake/{name}"] for name in ("drifted", "odd"))
    assert (drifted["state"], drifted["changes"]) == ("converged", 4)
    assert drifted["differences"] == [
        {
            "kind": "file",
            "name": "/etc/apt/apt.conf.d/99xpulab-lock-timeout",
            "found": "other content",
            "wanted": "as in the manifest",
            "mended": True,
            "takes_away": False,
        }
    ]
    assert drifted["target"]["image"] == "intel/pytorch:cpu-2.11.0-ubuntu24.04"
    assert (odd["state"], odd["target"]) == ("refused", None)
    assert "10de:ffff" in odd["reason"]
    assert odd["remedy"]
    broken = next(each for each in said["results"]["operations"] if each["name"] == "Break it")
    assert broken["error"] == ["@fake/breaks"]


def test_json_without_yes_is_a_plan_and_changes_nothing(shared: Lab) -> None:
    run = shared.run("--json", hosts="drifted good")
    said = json.loads(run.out)
    assert run.commands == {"@fake/drifted": 1, "@fake/good": 1}
    assert said["results"] is None
    changing = {each["name"]: each["hosts_with_change"] for each in said["plan"]}
    assert changing["Converge"] == ["@fake/drifted"]
    drifted = said["xpulab"]["hosts"]["@fake/drifted"]
    assert (drifted["state"], drifted["changes"], drifted["diffs"]) == ("drifted", 0, [])
    assert [each["mended"] for each in drifted["differences"]] == [False]


def test_json_is_a_document_even_where_no_host_is_left(shared: Lab) -> None:
    run = shared.run("-y", "--json", hosts="nobody")
    assert json.loads(run.out)["xpulab"]["totals"]["hosts"] == 0
    assert run.status == 1


def on_a_terminal(lab: Lab, *arguments: str, progress: str = "") -> str:
    """What a run writes to a terminal of 30 rows and 100 columns, control sequences and all."""
    command = [sys.executable, "-m", "pyinfra", "-y", "--limit", "@fake/slow", "--limit", "@fake/drifted"]
    ours, theirs = pty.openpty()
    subprocess.run(["stty", "rows", "30", "columns", "100"], stdin=theirs, check=True)
    process = subprocess.Popen(
        [*command, *arguments, INVENTORY, "gpus.py"],
        cwd=lab.folder,
        env={**ENVIRONMENT, "PYINFRA_PROGRESS": progress, "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # Linux says so when the last writer has gone
            break
        written += chunk
        if not chunk:
            break
    os.close(ours)
    assert process.wait() == 0, written.decode()
    return written.decode()


def test_a_terminal_shows_what_each_host_is_doing_in_place_and_not_line_by_line(lab: Lab) -> None:
    lab.write("gpus.py", CONVERGE)
    written = on_a_terminal(lab)
    assert re.search(r"50% \(1/2\)\033\[K\r\n    @fake/slow  write files  \d s\033\[K\r\033\[1A", written)
    assert "@fake/slow  is looked at again  " in written
    assert "write files …" not in written
    assert "xpulab: hosts=2 converged=2 changed=2 refused=0 failed=0" in written


def test_more_words_on_a_terminal_are_lines_beside_the_block(lab: Lab) -> None:
    lab.write("gpus.py", CONVERGE)
    written = on_a_terminal(lab, "-v")
    assert "write files …" in written
    assert "@fake/slow  write files  " in written


@pytest.mark.parametrize(("arguments", "progress"), [((), "off"), (("--no-wait",), "")])
def test_where_the_block_cannot_be_each_step_has_its_lines(
    lab: Lab, arguments: tuple[str, ...], progress: str
) -> None:
    lab.write("gpus.py", CONVERGE)
    written = on_a_terminal(lab, *arguments, progress=progress)
    assert "write files …" in written
    assert "% (1/2)\033[K\r\n" not in written
