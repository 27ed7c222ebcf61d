"""The accounts of the lab's users in the container; homes lie on a volume and are made once."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from workbench.refusal import Refused

HOMES, SKELETON = Path("/home"), Path("/etc/skel")
KEYS = Path("/run/xpulab/authorized_keys")


@dataclass(frozen=True)
class Account:
    """A user of the lab, with the number that owns the files."""

    name: str
    uid: int


def read_accounts(file: Path) -> list[Account]:
    """The accounts in a file of lines `name uid`. Raises Refused where there are none, or a line is none."""
    try:
        lines = [line for line in file.read_text().splitlines() if line.strip()]
    except OSError as error:
        raise Refused(f"{file} cannot be read ({error.strerror}): the host mounts it at the start") from error
    accounts = []
    for line in lines:
        found = re.fullmatch(r"([a-z_][a-z0-9_-]{0,31}) ([1-9][0-9]{2,8})", line.strip())
        if not found:
            raise Refused(f"{file}: {line.strip()[:60]!r} is not a user's name and number")
        accounts.append(Account(found[1], int(found[2])))
    if not accounts:
        raise Refused(f"{file} names no user: the workbench needs one at least")
    return accounts


def make(accounts: Iterable[Account], keys: Path, groups: Iterable[int]) -> None:
    """Make what is missing of accounts, memberships in numeric groups, homes, and readable copies of keys."""
    names = [_group_name(gid) for gid in sorted(groups)]
    KEYS.mkdir(parents=True, exist_ok=True)
    for account in accounts:
        _make_user(account)
        for name in names:
            _run("usermod", "--append", "--groups", name, account.name)
        _make_home(account)
        _copy_keys(account, keys)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        _run("groupadd", "--gid", str(gid), f"render-{gid}")
        return f"render-{gid}"


def _make_user(account: Account) -> None:
    number = str(account.uid)
    try:
        known = pwd.getpwnam(account.name).pw_uid
    except KeyError:
        _run("groupadd", "--gid", number, account.name)
        # No password fits "*", and sshd does not take it for a locked account, as it would "!".
        home = ("--no-create-home", "--home-dir", str(HOMES / account.name))
        shell = ("--shell", "/bin/bash", "--password", "*")
        _run("useradd", "--uid", number, "--gid", number, *home, *shell, account.name)
        return
    if known != account.uid:
        raise Refused(
            f"user {account.name} has the number {known} in this container, and {number} was asked for"
        )


def _make_home(account: Account) -> None:
    """Make a home in one rename: an interrupted start leaves none that is half done."""
    home, fresh = HOMES / account.name, HOMES / f".{account.name}.new"
    if home.exists():
        return
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(SKELETON, fresh, symlinks=True)
    for path in (fresh, *fresh.rglob("*")):
        os.chown(path, account.uid, account.uid, follow_symlinks=False)
    fresh.chmod(0o700)
    fresh.rename(home)


def _copy_keys(account: Account, keys: Path) -> None:
    """sshd reads a user's keys as that user, who cannot read what the host mounts."""
    try:
        text = (keys / account.name).read_text()
    except OSError as error:
        raise Refused(
            f"{keys / account.name} cannot be read ({error.strerror}): a user needs a key"
        ) from error
    (KEYS / account.name).write_text(text)
    (KEYS / account.name).chmod(0o644)


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        raise Refused(f"{' '.join(argv)} failed: {done.stderr.strip()}")
