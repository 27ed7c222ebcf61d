"""The health check, against servers of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from xpulab.workbench.image import HERE

LIBRARY = HERE / "root/usr/local/lib/xpulab"


class Api(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/api" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def jupyter() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


@contextmanager
def sshd(greeting: bytes) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def greet() -> None:
            visitor, _ = listening.accept()
            with visitor:
                visitor.sendall(greeting)
                visitor.recv(64)

        threading.Thread(target=greet, daemon=True).start()
        yield listening.getsockname()[1]


def health(jupyter_port: int, ssh_port: int) -> subprocess.CompletedProcess[str]:
    program = (
        f"import sys; sys.path.append({str(LIBRARY)!r}); from workbench.health import main; sys.exit(main())"
    )
    ports = {"WORKBENCH_JUPYTER_PORT": str(jupyter_port), "WORKBENCH_SSH_PORT": str(ssh_port)}
    return subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **ports}, capture_output=True, text=True
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def test_both_answer() -> None:
    with jupyter() as http, sshd(b"SSH-2.0-OpenSSH_9.2\r\n") as ssh:
        assert health(http, ssh).returncode == 0


def test_a_silent_jupyterlab_is_named() -> None:
    with sshd(b"SSH-2.0-OpenSSH_9.2\r\n") as ssh:
        done = health(free_port(), ssh)
    assert done.returncode == 1
    assert done.stderr.startswith("JupyterLab does not answer")


def test_something_else_on_sshds_port_is_not_sshd() -> None:
    with jupyter() as http, sshd(b"220 mail\r\n") as ssh:
        done = health(http, ssh)
    assert done.returncode == 1
    assert "sshd does not answer: greets with b'220 mail" in done.stderr
