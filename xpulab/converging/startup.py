"""How a run begins: quickly, and not with a crowd of connections at once."""

from __future__ import annotations

import socket
from functools import cache
from importlib import import_module

import gevent
from gevent.lock import BoundedSemaphore
from paramiko import Transport
from pyinfra.api import connectors, inventory
from pyinfra.api.state import MAX_PARALLEL
from pyinfra.connectors.ssh import SSHConnector
from pyinfra.context import config

from xpulab.converging import run

# By then every connection has been asked for, and the hosts take longer than this to answer.
CONNECTIONS_ASKED_FOR_S = 0.02
KEEPALIVE_S, SILENCE_S = 15, 75
CONNECTIONS_AT_A_TIME = 40
MORE_TRIES = {
    "ssh_connect_retries": 2,
    "ssh_connect_retry_min_delay": 1.0,
    "ssh_connect_retry_max_delay": 4.0,
}


def begin() -> None:
    """Set pyinfra up for a run of xpulab, which owes a table and an exit status from here on."""
    if not run.begin():
        return
    # A host that installs for an hour must not keep another one waiting for its turn.
    config.PARALLEL = MAX_PARALLEL
    connect_at_most(CONNECTIONS_AT_A_TIME)
    give_up_on_silence()
    try_a_busy_sshd_again()
    look_up_connectors_once()
    import_while_connecting("xpulab.roles", "xpulab.converging.converge", "xpulab.converging.report")


def import_while_connecting(*modules: str) -> None:
    """Import these while the hosts answer their first connection: pyinfra alone took a second before it."""
    gevent.spawn_later(CONNECTIONS_ASKED_FOR_S, lambda: [import_module(each) for each in modules])


def look_up_connectors_once() -> None:
    """Keep pyinfra from reading the metadata of every installed package twice for each host."""
    once = cache(connectors.get_all_connectors)
    connectors.get_all_connectors = once
    inventory.get_all_connectors = once  # type: ignore[attr-defined]


def give_up_on_silence() -> None:
    """Let a connection end whose host has gone without a word: it would hold the run for as long as its step.

    Something is sent every KEEPALIVE_S seconds, and where it is not acknowledged for SILENCE_S the kernel
    ends the connection. A host that is only busy acknowledges.
    """
    connect = SSHConnector._connect

    def connect_and_watch(connector: SSHConnector) -> None:
        connect(connector)
        transport = connector.client.get_transport() if connector.client else None
        if transport:
            watch(transport)

    SSHConnector._connect = connect_and_watch  # type: ignore[assignment]


def watch(transport: Transport) -> None:
    """Have a connection end where the other side is silent for SILENCE_S seconds."""
    transport.set_keepalive(KEEPALIVE_S)
    if isinstance(
        transport.sock, socket.socket
    ):  # through a jump host it is a channel, which its own one watches
        transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE_S * 1000)


def connect_at_most(number: int) -> None:
    """Let this many ssh connections be made at a time, however many hosts are worked on.

    All key exchanges share one processor: of hundreds begun together the last ones time out.
    """
    free = BoundedSemaphore(number)
    connect = SSHConnector._connect

    def connect_in_turn(connector: SSHConnector) -> None:
        with free:
            connect(connector)

    SSHConnector._connect = connect_in_turn  # type: ignore[assignment]


def try_a_busy_sshd_again() -> None:
    """Give every ssh host that its inventory says nothing else of two more tries, some seconds apart."""
    for key, value in MORE_TRIES.items():
        SSHConnector.data_meta[key].default = value
