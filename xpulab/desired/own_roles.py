"""A lab's own roles: Python files in a folder of its own, each with one ROLE."""

from __future__ import annotations

import importlib
import re
import sys
from functools import lru_cache
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

from xpulab.desired.role import Role
from xpulab.inventory import labfile

PACKAGE = "lab_roles"
"""The name under which a lab's roles import one another."""
BUILT_IN = (Path(__file__).parents[1] / "roles").resolve()
"""What lies beside the toolkit's own inventory.py."""


NAME = re.compile("[a-z][a-z0-9_-]*")
"""What a role may be called: it is a key of the lab file, too."""


class RoleError(Exception):
    """A file of a lab's own roles that gives no role; the message names the file and what to do."""


def load(folder: Path, built_in: tuple[Role, ...]) -> tuple[Role, ...]:
    """The built-in roles and those in a folder, which need not be there. Raises RoleError.

    Files whose names begin with `_` or `.` are for the roles' own use.
    """
    own = () if folder.resolve() == BUILT_IN else tuple(_load(folder.resolve()).values())
    names = [role.name for role in (*built_in, *own)]
    for role in own:
        if names.count(role.name) > 1:
            raise RoleError(f"{folder}: there are two roles called {role.name}: give its own another name")
    return (*built_in, *own)


def load_file(file: Path) -> Role:
    """The role of one file, which is read with all in its folder. Raises RoleError."""
    role = _load(file.parent.resolve()).get(file.name)
    if role is None:
        raise RoleError(f"{file}: there is no such role")
    return role


@lru_cache(maxsize=8)
def _load(folder: Path) -> dict[str, Role]:
    """The role of each file that has one, by the file's name."""
    files = sorted(each for each in folder.glob("*.py") if not each.name.startswith(("_", ".")))
    if not files:
        return {}
    package = ModuleType(PACKAGE)
    package.__path__ = [str(folder)]
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    sys.modules[PACKAGE] = package
    return {file.name: _role(file) for file in files}


def _place(error: Exception, file: Path) -> str:
    """Where in the lab's files an exception comes from, as far as it tells."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    frames = [each for each in extract_tb(error.__traceback__) if Path(each.filename).parent == file.parent]
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else str(file)


def _role(file: Path) -> Role:
    try:
        role = getattr(importlib.import_module(f"{PACKAGE}.{file.stem}"), "ROLE", None)
    except Exception as error:  # what a file of somebody else's does is not ours to foresee
        words = error.msg if isinstance(error, SyntaxError) else str(error)
        raise RoleError(f"{_place(error, file)}: cannot be read: {type(error).__name__}: {words}") from error
    if not isinstance(role, Role):
        raise RoleError(f"{file}: has no ROLE = Role(...): add one, or begin the file's name with _")
    if not NAME.fullmatch(role.name) or not labfile.takes(role.name):
        raise RoleError(
            f"{file}: no role can be called {role.name!r}: give it a name of a-z, 0-9, _ and -, "
            "which is not yet a key of a host in the lab file"
        )
    return role
