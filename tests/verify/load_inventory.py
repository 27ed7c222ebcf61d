"""Print the hosts of a pyinfra inventory as JSON.

A program of its own, because importing pyinfra's command line patches the standard library for gevent,
which pytest and its parallel workers do not survive.
"""

from __future__ import annotations

import argparse
import contextlib
import fnmatch
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pyinfra.api.host import Host
from pyinfra.api.inventory import Inventory
from pyinfra.api.state import State
from pyinfra.context import ctx_state
from pyinfra_cli.inventory import make_inventory

SSH_SETTINGS = (
    "ssh_hostname",
    "ssh_port",
    "ssh_user",
    "ssh_key",
    "ssh_known_hosts_file",
    "ssh_strict_host_key_checking",
    "ssh_config_file",
)


def matching_names(inventory: Inventory, patterns: Iterable[str]) -> set[str]:
    """Names of the hosts that any pattern names, by group or by host name as pyinfra's own --limit does."""
    names: set[str] = set()
    for pattern in patterns:
        if pattern in inventory.groups:
            found = {host.name for host in inventory.get_group(pattern)}
        else:
            found = {host.name for host in inventory if fnmatch.fnmatch(host.name, pattern)}
        if not found:
            raise SystemExit(f"no host or group of the inventory matches {pattern!r}")
        names |= found
    return names


def describe(host: Host) -> dict[str, Any]:
    """What the checks need to reach one host."""
    settings = {key: host.data.get(key) for key in SSH_SETTINGS}
    return {
        "name": host.name,
        "connector": host.connector_cls.__name__,
        "by_password": bool(host.data.get("ssh_password")),
        "sections": {key: said for key, said in host.data.dict().items() if isinstance(said, dict)},
        "settings": {key: str(value) for key, value in settings.items() if value not in (None, "")},
    }


def main() -> None:
    """Load the inventory named on the command line and print its hosts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("inventory")
    parser.add_argument("--limit", action="append", default=[])
    parser.add_argument("--exclude", action="append", default=[])
    options = parser.parse_args()
    sys.path.insert(0, str(Path.cwd()))
    # An inventory is code and may print; only the JSON belongs on standard output.
    # Inventories run in a pyinfra state, as below pyinfra's own command line.
    state = State()
    state.cwd = str(Path.cwd())
    with contextlib.redirect_stdout(sys.stderr), ctx_state.use(state):
        inventory = make_inventory(options.inventory, cwd=state.cwd)
    chosen = matching_names(inventory, options.limit) if options.limit else {host.name for host in inventory}
    chosen -= matching_names(inventory, options.exclude)
    json.dump([describe(host) for host in inventory if host.name in chosen], sys.stdout, default=str)


if __name__ == "__main__":
    main()
