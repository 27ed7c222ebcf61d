"""What the entry point reads, what it hands to sshd, and how it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from xpulab.workbench.image import HERE

sys.path.append(str(HERE / "root/usr/local/lib/xpulab"))

from workbench.accounts import Account, read_accounts
from workbench.refusal import Refused
from workbench.servers import shared, sshd_settings

LIBRARY = HERE / "root/usr/local/lib/xpulab"


def test_accounts_are_lines_of_a_name_and_a_number(tmp_path: Path) -> None:
    (tmp_path / "users").write_text("anna 20000\n\nben-2 20001\n")
    assert read_accounts(tmp_path / "users") == [Account("anna", 20000), Account("ben-2", 20001)]


@pytest.mark.parametrize(
    "line", ["root 0", "anna", "anna x", "anna 20000 /bin/sh", "An na 20000", "anna 20000\nben"]
)
def test_a_line_that_is_no_account_stops_the_start(tmp_path: Path, line: str) -> None:
    (tmp_path / "users").write_text(f"{line}\n")
    with pytest.raises(Refused, match="is not a user's name and number"):
        read_accounts(tmp_path / "users")


def test_a_start_without_users_says_so(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be read"):
        read_accounts(tmp_path / "users")
    (tmp_path / "users").write_text("\n")
    with pytest.raises(Refused, match="names no user"):
        read_accounts(tmp_path / "users")


def test_sessions_take_over_the_containers_variables_but_not_anybodys_own() -> None:
    variables = {"PATH": "/a", "NCCL_DEBUG": "INFO", "HOME": "/root", "TERM": "x", "WORKBENCH_BIND": "::"}
    assert shared(variables) == {"PATH": "/a", "NCCL_DEBUG": "INFO"}


def sshd_lines(**variables: str) -> list[str]:
    accounts = [Account("anna", 20000), Account("ben", 20001)]
    static = (HERE / "root/etc/xpulab/sshd_config").read_text()
    return sshd_settings(static, accounts, variables, "127.0.0.1", 2222).splitlines()


def test_sshd_lets_in_the_labs_users_with_keys_and_nobody_else() -> None:
    lines = sshd_lines(PATH="/a:/b")
    assert "AllowUsers anna ben" in lines
    assert {"PasswordAuthentication no", "PermitRootLogin no", "AuthenticationMethods publickey"} <= set(
        lines
    )
    assert {"Port 2222", "ListenAddress 127.0.0.1"} <= set(lines)


def test_a_variable_cannot_end_its_quotes_in_sshds_configuration() -> None:
    assert r'SetEnv "A=say \"hi\" \\ there" "B=c d"' in sshd_lines(A='say "hi" \\ there', B="c d")


SUPERVISED = """
import subprocess, sys
sys.path.append({library!r})
from workbench.supervise import block_signals, unblock_signals, watch
block_signals()
start = lambda code: subprocess.Popen([sys.executable, "-c", code], preexec_fn=unblock_signals)
servers = {{"one": start({one!r}), "other": start("import time; time.sleep(60)")}}
print("up", flush=True)
sys.exit(watch(servers))
"""


def supervised(one: str, *said: str) -> subprocess.Popen[str]:
    program = SUPERVISED.format(library=str(LIBRARY), one=one)
    started = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    expected = {"up\n", *said}
    assert {started.stdout.readline() for _ in expected} == expected
    return started


def test_the_container_ends_with_an_error_when_a_server_does() -> None:
    process = supervised("import sys; sys.exit(3)")
    _, errors = process.communicate(timeout=15)
    assert process.returncode == 1
    assert "one ended with 3" in errors


def test_a_stop_ends_the_servers_and_is_no_error() -> None:
    process = supervised("import time; time.sleep(60)")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=15)
    assert process.returncode == 0


def test_a_server_that_will_not_end_is_killed_within_the_grace_that_docker_gives() -> None:
    process = supervised(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('deaf', flush=True); time.sleep(60)",
        "deaf\n",
    )
    killer = threading.Timer(20, process.kill)
    killer.start()
    process.send_signal(signal.SIGTERM)
    process.communicate()
    killer.cancel()
    assert process.returncode == 0
