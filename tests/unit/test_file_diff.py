"""What --diff shows, with the script run for real on files of a temporary folder."""

from __future__ import annotations

import difflib
import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from xpulab.converging import file_diff
from xpulab.converging.file_diff import MOST_BYTES, file_diffs, read_script, rewrites
from xpulab.desired.kinds.apt_repository import AptRepository
from xpulab.desired.kinds.container import Container
from xpulab.desired.kinds.file import AbsentFile, File
from xpulab.desired.kinds.json_settings import JsonSettings
from xpulab.desired.masking import MASK
from xpulab.desired.thing import NewText
from xpulab.probing.observed import FoundFile, FoundUnit, Observed
from xpulab.resolving.target import Image

OBSERVED = Observed("ubuntu", "22.04", "x86_64", "5.15.0-161-generic")


def answer(*texts: NewText) -> list[str]:
    done = subprocess.run(["sh", "-c", read_script(texts)], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def diff(*texts: NewText) -> tuple[str, ...]:
    return file_diffs(texts, answer(*texts))


def file(folder: Path, content: bytes, mode: int = 0o644, name: str = "it's a file") -> str:
    path = folder / name
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


def test_a_changed_file_is_shown_as_diff_would_whatever_its_path(tmp_path: Path) -> None:
    before = "".join(f"{number}\n" for number in range(30))
    after = before.replace("4\n", "four\n", 1).replace("20\n", "").replace("29\n", "29\nlast")
    path = file(tmp_path, before.encode())
    theirs = difflib.unified_diff(before.splitlines(), after.splitlines(), path, path, lineterm="")
    assert diff(NewText(path, after)) == ("\n".join(theirs) + "\n\\ No newline at end of file",)


def test_a_new_file_and_a_removed_one_are_shown_against_dev_null(tmp_path: Path) -> None:
    new, gone = str(tmp_path / "new"), file(tmp_path, b"one\n", name="gone")
    shown = diff(NewText(new, "text\n"), NewText(gone, None))
    assert shown[0].splitlines() == ["--- /dev/null", f"+++ {new}", "@@ -0,0 +1 @@", "+text"]
    assert shown[1].splitlines() == [f"--- {gone}", "+++ /dev/null", "@@ -1 +0,0 @@", "-one"]


def test_an_unchanged_text_and_an_absent_file_that_is_gone_already_are_no_diff(tmp_path: Path) -> None:
    same = file(tmp_path, b"one\n")
    assert diff(NewText(same, "one\n"), NewText(str(tmp_path / "never"), None)) == ()


def test_a_changed_secret_is_seen_to_change_and_not_what_it_is(tmp_path: Path) -> None:
    path = file(tmp_path, b"user: lab\npassword: hunter2\n")
    (shown,) = diff(NewText(path, "user: lab\npassword: hunter3\n"))
    assert shown.splitlines()[3:] == [" user: lab", f"-password: {MASK}", f"+password: {MASK}"]


@pytest.mark.parametrize(("mode", "is_secret"), [(0o600, False), (0o640, False), (0o644, True)])
def test_what_not_everybody_may_read_does_not_even_leave_the_host(
    tmp_path: Path, mode: int, is_secret: bool
) -> None:
    path = file(tmp_path, b"hunter2\nhunter3\n", mode)
    said = answer(NewText(path, "hunter4\n", is_secret))
    assert said == [f"1\t{mode:o}\t16\t2\t", "end"]
    assert file_diffs((NewText(path, "hunter4\n", is_secret),), said) == (
        f"{path}: changed, 2 → 1 lines; not shown, as not everybody may read it",
    )


def test_a_binary_file_and_a_huge_one_are_said_in_words(tmp_path: Path) -> None:
    binary = file(tmp_path, b"\0\1\n", name="binary")
    latin = file(tmp_path, "é\n".encode("latin-1"), name="latin")
    huge = file(tmp_path, b"x\n" * MOST_BYTES, name="huge")
    assert diff(*(NewText(path, "text\n") for path in (binary, latin, huge))) == (
        f"{binary}: changed, 1 → 1 lines; binary",
        f"{latin}: changed, 1 → 1 lines; binary",
        f"{huge}: changed, {MOST_BYTES} → 1 lines; too large to show ({2 * MOST_BYTES} bytes)",
    )


def test_all_files_of_a_host_together_send_no_more_than_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_diff, "MOST_BYTES_OF_ALL", 10)
    paths = [file(tmp_path, b"1234567\n", name=str(number)) for number in range(3)]
    said = answer(*(NewText(path, "") for path in paths))
    assert [bool(line.split("\t")[4]) for line in said[:-1]] == [True, False, False]


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path: Path) -> None:
    (shown,) = diff(NewText(file(tmp_path, b"\033[2J\n"), ""))
    assert "-\\x1b[2J" in shown.splitlines()


def test_an_answer_cut_short_is_not_taken_for_absent_files() -> None:
    assert file_diffs((NewText("/etc/a", "a\n"),), []) == (
        "no diffs: what the host said of its files is not complete",
    )


def test_settings_are_shown_as_the_merged_file_and_once_for_all_their_keys() -> None:
    wanted = JsonSettings(
        "/etc/docker/daemon.json", {"runtimes": {"nvidia": {"path": "n"}}, "x": {"token": 1}}
    )
    drift = tuple(
        wanted.differences(Observed(**{**vars(OBSERVED), "contents": {wanted.path: '{"mtu": 1400}'}}))
    )
    (text,) = rewrites(drift)
    assert len(drift) == 2
    assert json.loads(text.text or "") == {
        "mtu": 1400,
        "runtimes": {"nvidia": {"path": "n"}},
        "x": {"token": 1},
    }
    assert drift[1].wanted == MASK


def test_a_file_says_what_it_rewrites_and_when_only_its_mode_is_wrong_that_it_rewrites_nothing() -> None:
    wanted = File("/etc/a", "a\n", mode="0600")
    assert rewrites(wanted.differences(OBSERVED)) == (NewText("/etc/a", "a\n", is_secret=True),)
    assert rewrites(File("/etc/a", "a\n", secret=True).differences(OBSERVED))[0].is_secret
    there = FoundFile(
        "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7", "0644", "root:root", 1, 2
    )
    observed = Observed(**{**vars(OBSERVED), "files": {"/etc/a": there}})
    assert [each.found for each in wanted.differences(observed)] == ["mode 0644 root:root"]
    assert rewrites(wanted.differences(observed)) == ()
    assert rewrites(AbsentFile("/etc/a").differences(observed)) == (NewText("/etc/a", None),)


def test_a_source_and_the_files_of_a_container_are_rewritten_too() -> None:
    repository = AptRepository("mirror", "https://mirror/key", ("A" * 40,), "https://mirror/apt", "stable")
    source = repository.source
    assert rewrites(repository.differences(OBSERVED)) == (NewText(source.path, source.content),)
    files = (File("/etc/box/a", "a\n"), File("/etc/box/b", "b\n", mode="0600"))
    image = Image("box:1", "sha256:" + "0" * 64, 1)
    container = Container("box", "box.service", image, files, "/etc/box/a", "/var/lib/box")
    unit = FoundUnit(loaded=True, active="active", enabled="enabled")
    there = FoundFile(hashlib.sha256(b"a\n").hexdigest(), "0644", "root:root", 1, 2)
    observed = Observed(**{**vars(OBSERVED), "units": {"box.service": unit}, "files": {"/etc/box/a": there}})
    assert rewrites(container.differences(observed)) == (NewText("/etc/box/b", "b\n", is_secret=True),)
