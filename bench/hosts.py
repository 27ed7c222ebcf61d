"""The bench's hosts: copies of the testbed's four kinds, in rotation."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network

MOST_HOSTS = 120
NETWORK = "127.0.20.0/24"
GROUPS = {"nv1": "nvidia", "intel1": "intel", "max1": "max", "cpu1": "cpu"}
"""Testbed hosts that are copied, and the inventory group that each one's copies are in."""


@dataclass(frozen=True)
class BenchHost:
    """One host of the bench: its name, its loopback address, and the testbed host that it is a copy of."""

    name: str
    address: str
    kind: str

    @property
    def group(self) -> str:
        """The inventory group it is in."""
        return GROUPS[self.kind]


def bench_hosts(count: int) -> list[BenchHost]:
    """The first `count` hosts of the bench; ValueError for more than one machine carries."""
    if not 1 <= count <= MOST_HOSTS:
        raise ValueError(f"{count} hosts: the bench takes 1 to {MOST_HOSTS}")
    kinds = list(GROUPS)
    return [
        BenchHost(f"bench-{number:03}", str(ip_network(NETWORK)[number]), kinds[(number - 1) % len(kinds)])
        for number in range(1, count + 1)
    ]
