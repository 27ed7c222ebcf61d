"""A lab's own roles: which files give one, and what is said of those that do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from xpulab.desired import own_roles
from xpulab.desired.own_roles import RoleError, load
from xpulab.roles import BUILT_IN

GOOD = """
from xpulab.desired.manifest import Manifest
from xpulab.desired.role import Role

ROLE = Role("{name}", lambda *asked: Manifest())
"""


def folder(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


def names(place: Path) -> list[str]:
    return [role.name for role in load(place, BUILT_IN)[len(BUILT_IN) :]]


def test_each_file_gives_its_role_after_the_built_in_ones_by_the_files_names(tmp_path: Path) -> None:
    place = folder(tmp_path, b=GOOD.format(name="first"), a=GOOD.format(name="nfs-4"), _c="1 / 0")
    (place / ".hidden.py").write_text("1 / 0")
    (place / "notes.txt").write_text("1 / 0")
    assert names(place) == ["nfs-4", "first"]


@pytest.mark.parametrize("place", ["nowhere", "."])
def test_a_lab_without_roles_of_its_own_has_the_built_in_ones(tmp_path: Path, place: str) -> None:
    assert load(tmp_path / place, BUILT_IN) == BUILT_IN


def test_the_toolkits_own_folder_gives_nothing_twice() -> None:
    assert load(Path(__file__).parents[2] / "roles", BUILT_IN) == BUILT_IN


def test_files_import_what_lies_beside_them(tmp_path: Path) -> None:
    place = folder(
        tmp_path,
        _names="NAME = 'scratch'",
        absolute=GOOD.format(name="x").replace('"x"', "NAME"),
        relative=GOOD.format(name="x").replace('"x"', "NAME * 2"),
    )
    for name, line in {
        "absolute": "from lab_roles._names import NAME",
        "relative": "from ._names import NAME",
    }.items():
        file = place / f"{name}.py"
        file.write_text(f"{line}\n{file.read_text()}")
    assert names(place) == ["scratch", "scratchscratch"]


def test_two_labs_in_one_process_do_not_see_each_others_files(tmp_path: Path) -> None:
    text = "from lab_roles._names import NAME\n" + GOOD.format(name="x").replace('"x"', "NAME")
    for lab in ("one", "two"):
        (tmp_path / lab).mkdir()
        folder(tmp_path / lab, role=text, _names=f"NAME = '{lab}'")
    assert names(tmp_path / "one") == ["one"]
    assert names(tmp_path / "two") == ["two"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "nfs.py: has no ROLE = Role(...): add one, or begin the file's name with _"),
        ("ROLE = 'nfs'", "nfs.py: has no ROLE = Role(...)"),
        ("import os\n\nROLE = (\n", "nfs.py, line 3: cannot be read: SyntaxError: '(' was never closed"),
        ("x = 1\n1 / 0\n", "nfs.py, line 2: cannot be read: ZeroDivisionError: division by zero"),
        ("import nosuch", "nfs.py, line 1: cannot be read: ModuleNotFoundError: No module named 'nosuch'"),
        (
            "from xpulab.probing.watched import Watched\nwatched = Watched(files=('/a b',))\n",
            "nfs.py, line 2: cannot be read: ValueError: '/a b' cannot be watched",
        ),
        ("from lab_roles import _broken", "_broken.py, line 2: cannot be read: KeyError: 'x'"),
        ("from lab_roles import _syntax", "_syntax.py, line 1: cannot be read: SyntaxError: invalid syntax"),
        (GOOD.format(name="docker"), "there are two roles called docker: give its own another name"),
        (GOOD.format(name="twin"), "there are two roles called twin"),
        (GOOD.format(name="policy"), "nfs.py: no role can be called 'policy': give it a name"),
        (GOOD.format(name="ssh_key"), "no role can be called 'ssh_key'"),
        (GOOD.format(name="section"), "no role can be called 'section'"),
        (GOOD.format(name="_nfs"), "no role can be called '_nfs'"),
        (GOOD.format(name="NFS share"), "no role can be called 'NFS share'"),
    ],
)
def test_a_file_that_gives_no_role_is_named_with_line_and_what_to_do(
    tmp_path: Path, text: str, words: str
) -> None:
    place = folder(
        tmp_path, nfs=text, twin=GOOD.format(name="twin"), _broken="import os\n{}['x']", _syntax="a b"
    )
    with pytest.raises(RoleError) as caught:
        load(place, BUILT_IN)
    assert str(caught.value).startswith(str(place))
    assert words in str(caught.value)


def test_one_file_can_be_asked_for(tmp_path: Path) -> None:
    place = folder(tmp_path, nfs=GOOD.format(name="nfs"), _private="")
    assert own_roles.load_file(place / "nfs.py").name == "nfs"
    for name in ("_private.py", "other.py"):
        with pytest.raises(RoleError, match=f"{name}: there is no such role"):
            own_roles.load_file(place / name)
