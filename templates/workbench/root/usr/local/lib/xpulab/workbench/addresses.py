"""Where the servers listen: the host says it in variables when it starts the container."""

from __future__ import annotations

import os

_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def bind() -> str:
    """The address that both servers listen on."""
    return os.environ.get("WORKBENCH_BIND", "0.0.0.0")


def reached_at() -> str:
    """The address at which the container itself reaches its servers."""
    return _LOOPBACK.get(bind(), bind())


def jupyter_port() -> int:
    """JupyterLab's port."""
    return int(os.environ.get("WORKBENCH_JUPYTER_PORT", "8888"))


def ssh_port() -> int:
    """sshd's port."""
    return int(os.environ.get("WORKBENCH_SSH_PORT", "2222"))
