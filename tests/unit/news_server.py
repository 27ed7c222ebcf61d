"""The testbed's news of releases, served on the loopback network as upstream does, by host name."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

HOST = "127.0.0.1"


@contextmanager
def serve(certificate: Path, *folders: Path) -> Iterator[str]:
    """Serve each file from the first of the folders that has it, and give `address:port` of TLS.

    Plain HTTP is at the port below. `certificate` also holds its key.
    """
    handler = _handler(folders)
    plain, secure = _adjacent_servers(handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    secure.socket = context.wrap_socket(secure.socket, server_side=True)
    threads = [Thread(target=each.serve_forever, args=(0.05,), daemon=True) for each in (plain, secure)]
    for thread in threads:
        thread.start()
    try:
        yield f"{HOST}:{secure.server_port}"
    finally:
        for server in (plain, secure):
            server.shutdown()
            server.server_close()


def make_certificate(file: Path, names: list[str]) -> Path:
    """Write a certificate for these names and its key into one file, which is also what trusts it."""
    key = file.with_suffix(".key")
    alternatives = ",".join(f"DNS:{name}" for name in names)
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    what = ["-days", "2", "-subj", "/CN=news", "-addext", f"subjectAltName={alternatives}"]
    subprocess.run([*new, *what, "-keyout", key, "-out", file], check=True, capture_output=True)
    file.write_text(file.read_text() + key.read_text())
    return file


def _adjacent_servers(
    handler: type[BaseHTTPRequestHandler],
) -> tuple[ThreadingHTTPServer, ThreadingHTTPServer]:
    while True:
        plain = ThreadingHTTPServer((HOST, 0), handler)
        try:
            return plain, ThreadingHTTPServer((HOST, plain.server_port + 1), handler)
        except OSError:
            plain.server_close()


def _handler(folders: tuple[Path, ...]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path.lstrip("/")
            files = [folder / self.headers["Host"] / path for folder in folders]
            content = next((file.read_bytes() for file in files if file.is_file()), None)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content or b"")

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    return Handler
