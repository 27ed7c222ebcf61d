"""Whether both servers answer."""

from __future__ import annotations

import socket
import sys
import urllib.request

from workbench import addresses

TIMEOUT_S = 5


def main() -> int:
    """0 when JupyterLab's API answers and sshd greets; else 1, after saying which does not."""
    wrong = []
    for name, answers, port in (
        ("JupyterLab", _jupyter_answers, addresses.jupyter_port()),
        ("sshd", _sshd_greets, addresses.ssh_port()),
    ):
        try:
            answers(addresses.reached_at(), port)
        except OSError as error:
            wrong.append(f"{name} does not answer: {error}")
    print("; ".join(wrong) or "JupyterLab and sshd answer", file=sys.stderr if wrong else sys.stdout)
    return 1 if wrong else 0


def _jupyter_answers(address: str, port: int) -> None:
    host = f"[{address}]" if ":" in address else address
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(f"http://{host}:{port}/api", timeout=TIMEOUT_S).close()


def _sshd_greets(address: str, port: int) -> None:
    with socket.create_connection((address, port), TIMEOUT_S) as connection:
        greeting = connection.recv(64)
        # A visitor that says nothing is worth an error in sshd's log.
        connection.sendall(b"SSH-2.0-workbench-health\r\n")
    if not greeting.startswith(b"SSH-2.0-"):
        raise OSError(f"greets with {greeting[:20]!r}")
