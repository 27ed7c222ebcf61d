"""How a run begins: quickly, and not with a crowd of connections at once."""

from __future__ import annotations

from functools import cache
from importlib import import_module

import gevent
from gevent.lock import BoundedSemaphore
from pyinfra.api import connectors, inventory
from pyinfra.connectors.ssh import SSHConnector

# By then every connection has been asked for, and the hosts take longer than this to answer.
CONNECTIONS_ASKED_FOR_S = 0.02


def import_while_connecting(*modules: str) -> None:
    """Import these while the hosts answer their first connection: pyinfra alone took a second before it."""
    gevent.spawn_later(CONNECTIONS_ASKED_FOR_S, lambda: [import_module(each) for each in modules])


def look_up_connectors_once() -> None:
    """Keep pyinfra from reading the metadata of every installed package twice for each host."""
    once = cache(connectors.get_all_connectors)
    connectors.get_all_connectors = once
    inventory.get_all_connectors = once  # type: ignore[attr-defined]


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
