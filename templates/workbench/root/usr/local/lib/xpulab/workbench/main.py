"""Run a command in the environment of the device that is there, or serve JupyterLab and sshd."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from workbench import accounts, addresses, devices, servers
from workbench.activation import about_image, activated, chosen_device
from workbench.refusal import EX_CONFIG, Refused
from workbench.supervise import block_signals, watch

ROOT, CONFIG = Path("/"), Path("/etc/workbench")


def main(argv: Sequence[str]) -> int:
    """The exit status of serving; with a command, never returns unless it cannot be run."""
    try:
        image = about_image(ROOT)
        device = chosen_device(image, os.environ.get("XPULAB_DEVICE"), ROOT)
        variables = activated(image, device, os.environ)
        if not argv:
            print(
                f"workbench: {image['family']} image with PyTorch {image['torch']}, device {device}",
                flush=True,
            )
            return _serve(variables)
        os.environ.update(variables)
        os.execvp(argv[0], list(argv))
    except Refused as refusal:
        print(f"workbench: {refusal}", file=sys.stderr)
        return EX_CONFIG
    except OSError as error:
        print(f"workbench: {argv[0] if argv else 'start'}: {error}", file=sys.stderr)
        return 127


def _serve(variables: dict[str, str]) -> int:
    if os.geteuid() != 0:
        raise Refused("serving takes root, which makes the users' accounts: start it with --user 0")
    users = accounts.read_accounts(CONFIG / "users")
    accounts.make(users, CONFIG / "authorized_keys", devices.render_groups(ROOT))
    token = _secret(CONFIG / "token")
    _secret(CONFIG / "ssh_host_ed25519_key")
    shared = servers.shared(variables)
    servers.write_environment(shared)
    config = servers.sshd_settings(
        Path("/etc/xpulab/sshd_config").read_text(),
        users,
        shared,
        addresses.bind(),
        addresses.ssh_port(),
    )
    block_signals()
    return watch(
        {"sshd": servers.start_sshd(config), "JupyterLab": servers.start_jupyter(users[0], token, variables)}
    )


def _secret(file: Path) -> str:
    try:
        text = file.read_text().strip()
    except OSError as error:
        raise Refused(f"{file} cannot be read ({error.strerror}): the host makes it once") from error
    if not text:
        raise Refused(f"{file} is empty: remove it on the host, which then makes a new one")
    return text
