"""How a run's connections begin and end."""

from __future__ import annotations

import socket
from typing import Any, cast

from xpulab.converging import startup


class Transport:
    """A connection of paramiko's, as far as it is watched."""

    def __init__(self, sock: object) -> None:
        self.sock = sock
        self.keepalive = 0

    def set_keepalive(self, interval: int) -> None:
        self.keepalive = interval


def test_a_host_that_goes_silent_is_given_up_within_minutes() -> None:
    with socket.socket() as connection:
        transport = Transport(connection)
        startup.watch(cast(Any, transport))
        silence = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert 60_000 <= silence <= 90_000
    assert 0 < transport.keepalive * 1000 < silence


def test_a_connection_through_a_jump_host_is_kept_alive_too() -> None:
    transport = Transport(object())
    startup.watch(cast(Any, transport))
    assert transport.keepalive
