"""docs/own-roles.md, followed word for word as far as that goes without a host."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.unit.own_roles_page import FOLDER, PAGE, block, blocks, commands, write_lab
from tests.unit.probe_answers import answer
from tests.unit.sample_hosts import host
from xpulab.converging.deploy_files import made_with_xpulab
from xpulab.converging.drift import drift
from xpulab.converging.steps import next_steps
from xpulab.desired import kinds, own_roles
from xpulab.desired.lab import load_lab
from xpulab.desired.role import Role, sections
from xpulab.desired.state import Desired, desired, watched_by
from xpulab.desired.thing import Run
from xpulab.inventory.labfile import LabError
from xpulab.inventory.settings import HostSettings, with_sections
from xpulab.probing.records import parse
from xpulab.probing.script import probe_script
from xpulab.probing.watched import Watched
from xpulab.resolving.resolve import resolve
from xpulab.resolving.vendors import load_catalog
from xpulab.roles import BUILT_IN
from xpulab.schema.refusal import Refusal
from xpulab.testing import drift as shown_drift
from xpulab.testing import role_in, wanted_of

ROOT = Path(__file__).parents[2]
SCRATCH = {"scratch": {"path": "/srv/fast-scratch", "size": "64M"}}


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """The page's lab; its folder is named as the messages shall name it."""
    return write_lab(tmp_path / "physics").parent


def change(lab: Path, name: str, before: str, after: str) -> None:
    text = (lab / name).read_text()
    assert text.count(before) == 1, before
    (lab / name).write_text(text.replace(before, after))


def refused(lab: Path) -> str:
    """What the report says of a host that the lab's roles get refused, or of the run that cannot begin."""
    try:
        loaded = load_lab(lab / "lab.yml", BUILT_IN)
    except LabError as error:
        return str(error)
    if loaded.refused:
        (refusal,) = loaded.refused.values()
        return words(refusal)
    roles = own_roles.load(lab / "roles", BUILT_IN)
    settings = with_sections(HostSettings, sections(roles)).model_validate(SCRATCH)
    watched = watched_by(roles, settings, load_catalog())
    if isinstance(watched, Refusal):
        return words(watched)
    target = resolve(host(), settings, load_catalog())
    assert not isinstance(target, Refusal)
    found = desired(roles, target, settings, load_catalog(), watched)
    assert isinstance(found, Refusal), found
    return words(found)


def words(refusal: Refusal) -> str:
    return f"{refusal.reason}\n  → {refusal.remedy}"


def cleaning(lab: Path, text: str) -> None:
    (lab / "roles" / "cleaning.py").write_text(text)


SAME_FILE = """
from xpulab.desired.kinds.file import File
from xpulab.desired.manifest import Manifest
from xpulab.desired.role import Role

ROLE = Role("cleaning", lambda *asked: Manifest((File("/etc/tmpfiles.d/scratch.conf", "mine"),)))
"""


def not_watched(lab: Path) -> None:
    change(lab, "roles/scratch.py", "files=(file_of(unit), CLEANING)", "files=(CLEANING,)")


def two_roles(lab: Path) -> None:
    cleaning(lab, SAME_FILE)


def exception(lab: Path) -> None:
    change(lab, "roles/scratch.py", "size=scratch.size", "size=scratch.sise")


def misspelt_key(lab: Path) -> None:
    change(lab, "lab.yml", "{address: 127.0.10.14}", "{address: 127.0.10.14, scratch: {sice: 1G}}")


def no_role(lab: Path) -> None:
    cleaning(lab, "")


def syntax(lab: Path) -> None:
    cleaning(lab, "import os\nROLE =\n")


def name_taken(lab: Path) -> None:
    cleaning(lab, SAME_FILE.replace('"cleaning"', '"docker"'))


@pytest.mark.parametrize(
    ("mark", "mistake"),
    [
        ("not watched", not_watched),
        ("two roles", two_roles),
        ("exception", exception),
        ("misspelt key", misspelt_key),
        ("no ROLE", no_role),
        ("syntax", syntax),
        ("name taken", name_taken),
    ],
)
def test_a_mistake_is_told_in_the_words_of_the_page(
    lab: Path, mark: str, mistake: Callable[[Path], None]
) -> None:
    mistake(lab)
    assert refused(lab).replace(str(lab), FOLDER) + "\n" == block(f"mistake: {mark}")


def test_every_mistake_of_the_page_is_made_here_and_every_block_of_code_is_followed() -> None:
    languages = {language for mark, language, _ in blocks() if not mark}
    assert languages == {""}, "a block of code without a mark: nothing follows it"
    marks = {mark.partition(" ")[0].rstrip(":") for mark, _, _ in blocks()}
    assert marks == {"", "file", "run", "mistake", "the"}


def test_the_unit_test_of_the_page_passes_by_its_command(lab: Path) -> None:
    command = commands("run: the unit test", lab).replace("uv run pytest", f"{sys.executable} -m pytest -q")
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "7 passed" in done.stdout


def test_the_files_of_the_page_are_clean(lab: Path) -> None:
    rules = [
        "--line-length=110",
        "--select=E,F,I,B,UP,SIM,RET,C4",
        "--config=lint.isort.known-first-party=['xpulab']",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", *rules, lab], cwd=lab, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_a_dry_run_with_the_pages_lab_has_the_lab_roles_things_in_its_plan(lab: Path, tmp_path: Path) -> None:
    """On the connector @fake, from a Python inventory beside the same roles/."""
    (lab / "fake.py").write_text(
        "from tests.unit.probe_answers import answer\n"
        f"hosts = [('@fake/1', {{**{SCRATCH}, 'fake_responses': {{'xpulab-probe': answer()}}}})]\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pyinfra", "-y", "--dry", lab / "fake.py", "deploys/xpu.py"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYINFRA_PROGRESS": "off"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1].endswith("drifted=1"), done.stdout + done.stderr
    for line in (
        "package ncdu: not there → installed",
        r"file /etc/systemd/system/srv-fast\x2dscratch.mount: not there → ",
        r"service srv-fast\x2dscratch.mount: not there → enabled and running",
    ):
        assert line in done.stdout


def test_the_kind_of_the_page_is_seen_by_the_probe_and_put_right(lab: Path) -> None:
    role = role_in(lab / "roles" / "sysctl.py")
    said = {"sysctl": {"values": {"kernel.ostype": 1, "no.such_parameter": 2}}}
    wanted = wanted_of(role, said)
    watched = role.watched(settings_for(role, said), load_catalog())
    text = probe_script(watched)
    observed = parse(subprocess.run(["sh", "-c", text], capture_output=True, text=True).stdout.splitlines())
    found = {each.name: each for each in drift(wanted, observed) if each.kind == "kernel parameter"}
    assert found["kernel.ostype"].found == "Linux"
    assert found["no.such_parameter"].found == "not there"
    steps = next_steps(tuple(found.values()), 60)
    assert [step.what for step in steps if isinstance(step, Run)] == ["set kernel.ostype no.such_parameter"]
    as_wanted = parse(answer(f"fact\tsysctl-kernel-ostype\t{'MQo='}", "fact\tsysctl-no-such-parameter\tMgo="))
    assert not [each for each in shown_drift(wanted, as_wanted) if each.kind == "kernel parameter"]


def settings_for(role: Role, said: Mapping[str, object]) -> HostSettings:
    return with_sections(HostSettings, sections((*BUILT_IN, role))).model_validate(said)


def test_the_unit_of_the_page_is_named_as_systemd_escape_names_it(lab: Path) -> None:
    paths = ["/scratch", "/srv/fast-scratch/1", "/a_b/c-d-e", "/-x"]
    escape = subprocess.run(
        ["systemd-escape", "--path", "--suffix=mount", *paths], capture_output=True, text=True, check=True
    )
    role = role_in(lab / "roles" / "scratch.py")
    ours = [
        role.watched(settings_for(role, {"scratch": {"path": path}}), load_catalog()).units[0]
        for path in paths
    ]
    assert ours == escape.stdout.split()


def test_the_table_of_kinds_has_every_kind() -> None:
    folder = Path(kinds.__file__).parent
    there = {
        name
        for file in folder.glob("*.py")
        for name in re.findall(r"^class (\w+)\(Thing\)", file.read_text(), re.M)
    }
    rows = re.findall(r"^\| `(\w+)[.(].*?\| `(\w+)` \|", PAGE.read_text(), re.M)
    assert {name for name, _ in rows} | {"WholePackages", "OwnSources"} == there
    for name, module in rows:
        assert f"class {name}(Thing)" in (folder / f"{module}.py").read_text()


def test_what_the_page_says_of_watching_holds(lab: Path) -> None:
    """What the role wants is seen by what it watches alone, with no built-in role beside it."""
    role = role_in(lab / "roles" / "scratch.py")
    settings = settings_for(role, SCRATCH)
    watched = watched_by((role,), settings, load_catalog())
    target = resolve(host(), settings, load_catalog())
    assert isinstance(watched, Watched) and not isinstance(target, Refusal)
    assert isinstance(desired((role,), target, settings, load_catalog(), watched), Desired)


def test_a_deploy_of_a_labs_own_is_one_whatever_its_name(lab: Path) -> None:
    assert made_with_xpulab([str(lab / "deploys" / "nightly.py")])
