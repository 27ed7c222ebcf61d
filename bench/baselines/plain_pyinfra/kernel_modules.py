"""A reboot where another kernel module runs than the one on disk."""

from __future__ import annotations

import logging
import time

from pyinfra import host
from pyinfra.api.exceptions import ConnectError, OperationError
from pyinfra.facts.server import Command

REBOOT_TIMEOUT_S = 600
# A container that boots anew keeps the boot id of its machine, but its process 1 is another one.
BOOT = 'cat /proc/sys/kernel/random/boot_id; cut -d " " -f 22 /proc/1/stat'


def other_module_runs(module: str) -> bool:
    """Whether the module of that name is not loaded, or in another version than the one on disk."""
    comparison = (
        f"for each in version srcversion; do"
        f' [ "$(cat /sys/module/{module}/$each)" = "$(/sbin/modinfo -F $each {module})" ] || echo "$each";'
        f" done 2>/dev/null"
    )
    return bool(host.get_fact(Command, command=comparison))


def reboot() -> None:
    """Reboot the host in context and wait for it.

    server.reboot goes by the uptime, which for a container is its machine's, and would wait in vain.
    """
    logging.getLogger("paramiko.transport").setLevel(logging.CRITICAL)  # it logs every refused try in full
    before = host.get_fact(Command, command=BOOT)
    host.run_shell_command("(sleep 1; systemctl reboot) </dev/null >/dev/null 2>&1 &", _sudo=True)
    deadline = time.monotonic() + REBOOT_TIMEOUT_S
    while time.monotonic() < deadline:
        time.sleep(1)
        host.disconnect()
        try:
            host.connect(show_errors=False)
        except (ConnectError, OSError, EOFError):
            continue
        if host.connected and host.get_fact(Command, command=BOOT) not in (None, before):
            return
    raise OperationError(f"did not come back within {REBOOT_TIMEOUT_S} s after its reboot")
