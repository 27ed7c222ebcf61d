"""An OpenSSH configuration that reaches a host the way pyinfra reaches it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

HOST_OPTIONS = {
    "ssh_port": "Port",
    "ssh_user": "User",
    "ssh_strict_host_key_checking": "StrictHostKeyChecking",
}
PATH_OPTIONS = {"ssh_key": "IdentityFile", "ssh_known_hosts_file": "UserKnownHostsFile"}
# pyinfra's default for a host key it has never seen.
DEFAULTS = {"ssh_strict_host_key_checking": "accept-new"}


def render(target: str, settings: Mapping[str, str], sockets: Path) -> str:
    """The configuration for one host; `sockets` is the folder for the shared connection.

    The host's own options stand under its name, so that a jump host named in the user's
    configuration does not inherit them; what comes first wins, as in pyinfra.
    """
    lines = [f"Host {target}"]
    merged = {**DEFAULTS, **settings}
    lines += [f"    {option} {merged[key]}" for key, option in HOST_OPTIONS.items() if key in merged]
    lines += [f"    {option} {_path(merged[key])}" for key, option in PATH_OPTIONS.items() if key in merged]
    if "ssh_key" in merged:
        lines.append("    IdentitiesOnly yes")
    lines += [
        "Host *",
        "    BatchMode yes",
        "    LogLevel ERROR",
        "    ServerAliveInterval 15",
        # The socket's name is a hash that ssh makes of host, port and user.
        f'    ControlPath "{sockets}/%C"',
        f"    Include {_path(merged.get('ssh_config_file', '~/.ssh/config'), escape=False)}",
    ]
    return "\n".join(lines) + "\n"


def _path(text: str, escape: bool = True) -> str:
    """An absolute path, quoted, its percent signs kept from ssh's own expansion."""
    absolute = str(Path(text).expanduser().absolute())
    return f'"{absolute.replace("%", "%%") if escape else absolute}"'
