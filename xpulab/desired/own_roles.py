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
    own = () if folder.resolve() == BUILT_IN else _load(folder.resolve())
    names = [role.name for role in (*built_in, *own)]
    for role in own:
        if names.count(role.name) > 1:
            raise RoleError(f"{folder}: there are two roles called {role.name}: give its own another name")
    return (*built_in, *own)


@lru_cache(maxsize=8)
def _load(folder: Path) -> tuple[Role, ...]:
    files = sorted(each for each in folder.glob("*.py") if not each.name.startswith(("_", ".")))
    if not files:
        return ()
    package = ModuleType(PACKAGE)
    package.__path__ = [str(folder)]
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    sys.modules[PACKAGE] = package
    return tuple(map(_role, files))


def _role(file: Path) -> Role:
    try:
        role = getattr(importlib.import_module(f"{PACKAGE}.{file.stem}"), "ROLE", None)
    except Exception as error:  # what a file of somebody else's does is not ours to foresee
        frames = [each for each in extract_tb(error.__traceback__) if each.filename == str(file)]
        line = f", line {frames[-1].lineno}" if frames else ""
        raise RoleError(f"{file}{line}: cannot be read: {type(error).__name__}: {error}") from error
    if not isinstance(role, Role):
        raise RoleError(f"{file}: has no ROLE = Role(...): add one, or begin the file's name with _")
    if not NAME.fullmatch(role.name) or not labfile.takes(role.name):
        raise RoleError(
            f"{file}: no role can be called {role.name!r}: give it a name of a-z, 0-9, _ and -, "
            "which is not yet a key of a host in the lab file"
        )
    return role
