"""How sshd and JupyterLab are started."""

from __future__ import annotations

import os
import pwd
import shlex
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from workbench import addresses
from workbench.accounts import Account
from workbench.supervise import unblock_signals

RUN = Path("/run/xpulab")
ENVIRONMENT, SSHD_CONFIG, TOKEN = RUN / "environment.sh", RUN / "sshd_config", RUN / "token"
# What belongs to one process or one user, and must not reach everybody's sessions.
PERSONAL = {"HOME", "USER", "LOGNAME", "SHELL", "PWD", "OLDPWD", "SHLVL", "TERM", "HOSTNAME", "_"}


def shared(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that sessions take over from the container."""
    return {
        name: value
        for name, value in variables.items()
        if name not in PERSONAL and not name.startswith("WORKBENCH_")
    }


def write_environment(variables: Mapping[str, str]) -> None:
    """What login shells read, as /etc/profile sets their PATH anew."""
    ENVIRONMENT.write_text(
        "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    )


def sshd_settings(
    static: str, accounts: Sequence[Account], variables: Mapping[str, str], address: str, port: int
) -> str:
    """sshd's whole configuration: the image's part, and what this start adds."""
    quoted = (
        f"{name}={value}".replace("\\", "\\\\").replace('"', '\\"') for name, value in variables.items()
    )
    return "\n".join(
        [
            static.rstrip(),
            f"Port {port}",
            f"ListenAddress {address}",
            f"AllowUsers {' '.join(account.name for account in accounts)}",
            f"SetEnv {' '.join(f'{chr(34)}{each}{chr(34)}' for each in quoted)}",
            "",
        ]
    )


def start_sshd(config: str) -> subprocess.Popen[str]:
    """sshd in the foreground, logging to our standard output."""
    Path("/run/sshd").mkdir(exist_ok=True)
    SSHD_CONFIG.write_text(config)
    sshd = subprocess.Popen(
        ["/usr/sbin/sshd", "-D", "-e", "-f", str(SSHD_CONFIG)],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=unblock_signals,
    )
    assert sshd.stderr is not None
    threading.Thread(target=_pass_on, args=(sshd.stderr,), daemon=True).start()
    return sshd


def _pass_on(log: IO[str]) -> None:
    """Pass sshd's log on, but for the health check's visits, which nobody wants to read twice a minute."""
    visit = f"Connection closed by {addresses.reached_at()} port "
    for line in log:
        if not line.startswith(visit):
            print(f"sshd: {line.rstrip()}", flush=True)


def start_jupyter(account: Account, token: str, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """JupyterLab as a user, who alone can read the token."""
    TOKEN.unlink(missing_ok=True)
    TOKEN.touch(mode=0o400)
    TOKEN.write_text(token)
    os.chown(TOKEN, account.uid, account.uid)
    home = pwd.getpwnam(account.name).pw_dir
    return subprocess.Popen(
        ["/opt/xpulab/jupyter/bin/jupyter-lab", "--config=/etc/xpulab/jupyter_server_config.py"],
        cwd=home,
        env={
            **variables,
            "HOME": home,
            "USER": account.name,
            "LOGNAME": account.name,
            "SHELL": "/bin/bash",
            "JUPYTER_PATH": "/opt/xpulab/share/jupyter",
        },
        user=account.uid,
        group=account.uid,
        extra_groups=os.getgrouplist(account.name, account.uid),
        preexec_fn=unblock_signals,
    )
