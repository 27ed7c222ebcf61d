"""What a run did, as the hosts and the wire saw it: exact counts, read before and after."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from statistics import mean

from vlab.command import attempt, run
from vlab.places import labels

from bench.containers import on, on_each
from bench.hosts import NETWORK, BenchHost
from bench.snapshots import UPDATES_LOG

COUNT = f"""journalctl --sync
journalctl --no-pager --output=cat --unit=ssh.service | grep -Ec '^Starting session: (command|subsystem)'
wc -l <{UPDATES_LOG}
cat /var/log/apt/history.log 2>/dev/null | grep -c '^Start-Date'
:
"""
METER = "xpulab-bench-meter"
CHAIN = "XPULAB-BENCH"
FORGET = f"""iptables -D OUTPUT -j {CHAIN} 2>/dev/null
iptables -F {CHAIN} 2>/dev/null
iptables -X {CHAIN} 2>/dev/null
:
"""
START = f"""set -eu
iptables -N {CHAIN}
iptables -A {CHAIN} -p tcp -d {NETWORK} --dport 22
iptables -A {CHAIN} -p tcp -s {NETWORK} --sport 22
iptables -I OUTPUT -j {CHAIN}
"""


@dataclass(frozen=True)
class Counts:
    """Counts of one host, or their means over all hosts."""

    remote_commands: float
    apt_updates: float
    apt_transactions: float


def read_counts(hosts: Sequence[BenchHost]) -> list[Counts]:
    """The counts of each host since it was made."""
    return [parse_counts(text) for text in on_each(hosts, lambda host: on(host, COUNT))]


def parse_counts(text: str) -> Counts:
    """The counts out of what COUNT prints: three numbers."""
    commands, updates, transactions = (int(word) for word in text.split())
    return Counts(commands, updates, transactions)


def mean_difference(before: Sequence[Counts], after: Sequence[Counts]) -> Counts:
    """What was counted between two readings of the same hosts, per host."""

    rows = [
        [last - first for first, last in zip(astuple(earlier), astuple(later), strict=True)]
        for earlier, later in zip(before, after, strict=True)
    ]
    return Counts(*(mean(column) for column in zip(*rows, strict=True)))


def start_meter(image: str) -> None:
    """Count the bytes between this machine and port 22 of the bench's hosts, from a container of `image`."""
    attempt(["docker", "rm", "--force", METER])
    options = [*labels(), "--network=host", "--cap-add=NET_ADMIN"]
    run(["docker", "run", "--detach", f"--name={METER}", *options, image, "sleep", "infinity"])
    run(["docker", "exec", METER, "sh", "-c", FORGET])
    run(["docker", "exec", METER, "sh", "-c", START])


def ssh_bytes() -> int:
    """Bytes of IP packets, both ways and over all hosts, since the meter was started."""
    return parse_bytes(run(["docker", "exec", METER, "iptables", "-xvnL", CHAIN]))


def parse_bytes(listing: str) -> int:
    """The sum over the rules of an `iptables -xvnL`, whose rows start with packets and bytes."""
    return sum(int(number) for number in re.findall(r"^ *\d+ +(\d+) ", listing, re.M))


def stop_meter() -> None:
    """Take the rules away again."""
    attempt(["docker", "exec", METER, "sh", "-c", FORGET])
    attempt(["docker", "rm", "--force", METER])
