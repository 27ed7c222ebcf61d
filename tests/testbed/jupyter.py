"""JupyterLab in a browser that reaches it as a researcher does: through `ssh -L`."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from playwright.sync_api import Page, TimeoutError, sync_playwright

from tests.testbed.lab import host_data

# script/prepare brings Debian's, or Playwright's own, which it finds by itself.
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Of a first start on a machine that has other things to do.
PATIENCE_MS = 120_000
RERUN_MS = 10_000


@contextmanager
def tunnel(host: str, port: int) -> Iterator[str]:
    """An address on this machine that leads to the port of the host's loopback interface."""
    data = host_data(host)[host]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        local = free.getsockname()[1]
    forward = subprocess.Popen(
        [
            *("ssh", "-F", "/dev/null", "-N", "-oBatchMode=yes", "-oExitOnForwardFailure=yes"),
            *("-i", data["ssh_key"], f"-oUserKnownHostsFile={data['ssh_known_hosts_file']}"),
            *("-L", f"127.0.0.1:{local}:127.0.0.1:{port}", f"{data['ssh_user']}@{data['ssh_hostname']}"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(local)
        yield f"http://127.0.0.1:{local}"
    finally:
        forward.terminate()
        forward.wait()


def _wait_for(port: int) -> None:
    limit = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > limit:
                raise
            time.sleep(0.2)


@contextmanager
def browser_page() -> Iterator[Page]:
    """An empty page in a Chromium that remembers nothing."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.set_default_timeout(PATIENCE_MS)
            yield page
        finally:
            browser.close()


def run_cell(page: Page, code: str) -> str:
    """Open a notebook from the launcher, run the code in its first cell, and give what that prints."""
    page.locator(".jp-LauncherCard[data-category=Notebook]").first.click()
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for()
    cell = page.locator(".jp-Notebook .jp-CodeCell .cm-content").first
    cell.click()
    page.keyboard.insert_text(code)
    output = page.locator(".jp-Notebook .jp-OutputArea-output").first
    limit = time.monotonic() + PATIENCE_MS / 1000
    while not output.is_visible():
        assert time.monotonic() < limit, "the cell printed nothing"
        # A cell that is run before its kernel listens is forgotten without a word.
        cell.click()
        page.keyboard.press("Control+Enter")
        with suppress(TimeoutError):
            output.wait_for(timeout=RERUN_MS)
    printed: str = output.inner_text()
    return printed
