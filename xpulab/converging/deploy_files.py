"""Whether a deploy is made with xpulab, read from its text: it runs only once the hosts are connected."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

NO_DEPLOYS = ("fact", "exec", "debug-inventory")


def made_with_xpulab(operations: Iterable[str]) -> bool:
    """Whether one of pyinfra's operations imports xpulab, by itself or through files that lie beside it.

    `operations` is what stands on pyinfra's command line after the inventory: deploy files, or a function as
    `module.function` and its arguments. Files are followed as Python's `import` and pyinfra's
    `local.include` would, with the run's folder and that of each file as the places to look at.
    """
    given = list(operations)
    files = [Path(each) for each in given if each.endswith(".py")]
    if not files and given and given[0] not in NO_DEPLOYS:
        files = list(_module_files(given[0].rpartition(".")[0], Path.cwd()))
    seen: set[Path] = set()
    while files:
        file = files.pop()
        if file in seen:
            continue
        seen.add(file)
        modules, included = _named_in(file)
        if any(name.partition(".")[0] == "xpulab" for name in modules):
            return True
        for folder in dict.fromkeys((file.parent, Path.cwd())):
            files += [each for name in modules for each in _module_files(name, folder)]
            files += [folder / name for name in included if (folder / name).is_file()]
    return False


def _named_in(file: Path) -> tuple[set[str], set[str]]:
    """The modules that a file imports, and the files that it includes; of one that is no Python, none."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return set(), set()
    modules: set[str] = set()
    included: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            modules |= {module, *(f"{module}.{each.name}".lstrip(".") for each in node.names)}
        elif isinstance(node, ast.Import):
            modules |= {each.name for each in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "include":
            said = [each.value for each in node.args[:1] if isinstance(each, ast.Constant)]
            included |= {each for each in said if isinstance(each, str)}
    return modules, included


def _module_files(name: str, folder: Path) -> Iterator[Path]:
    """The files of a module and of the packages around it, as far as they are there."""
    parts = name.split(".") if name else []
    for length in range(1, len(parts) + 1):
        stem = folder.joinpath(*parts[:length])
        yield from (each for each in (stem.with_suffix(".py"), stem / "__init__.py") if each.is_file())
