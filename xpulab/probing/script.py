"""The probe as it is sent: one POSIX sh script, told what to look at. Pure but for reading the script."""

from __future__ import annotations

from functools import lru_cache
from shlex import quote

from xpulab.probing.watched import Watched
from xpulab.shell.scripts import snippet


def probe_script(watched: Watched) -> str:
    """The script without comments and indentation, with the variables that say what to look at before it."""
    lists = {
        "files": watched.files,
        "contents": watched.contents,
        "modules": [f"{each.pci_vendor}:{each.name}" for each in watched.modules],
        "units": watched.units,
        "groups": watched.groups,
        "users": watched.users,
        "origins": watched.origins,
        "containers": [f"{each.name}:{each.unit}" for each in watched.containers],
    }
    variables = [f"{name}={quote(' '.join(values))}" for name, values in lists.items()]
    return "\n".join([*variables, _script(), *map(_fact, watched.facts.items()), "say end"])


def _fact(named: tuple[str, str]) -> str:
    name, shell = named
    return f'say fact {name} "$({{ {shell}\n}} 2>/dev/null | base64 -w 0)"'


@lru_cache(maxsize=1)
def _script() -> str:
    return "\n".join(line.strip() for line in snippet("probe").splitlines())
