"""Hosts of the bench as containers: brought up from an image per kind, waited for, removed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from vlab.command import run
from vlab.places import (
    HOST_CONFIGS,
    NETWORK,
    SOURCES,
    container_name,
    labels,
    volume_name,
)
from vlab.up import ssh_login, wait_until_up

from bench.hosts import BenchHost

NAMES = f"--filter=name=^{container_name('bench-')}[0-9]"  # of containers and of volumes
PATIENCE_S = 300
AT_ONCE = 6  # hosts that boot at the same time; more of them only wait for the processor


def bring_up(
    hosts: Sequence[BenchHost],
    images: Mapping[str, str],
    fill_disk: Callable[[BenchHost], None],
    user: str,
    known_hosts: Path,
) -> None:
    """Have just these hosts run, each from the image of its kind; those that already do are left alone.

    `fill_disk` puts what is wanted on a new host's disk for its Docker Engine.
    """
    wanted = {container_name(host.name): images[host.kind] for host in hosts}
    running = _running()
    _remove(name for name, image in running.items() if wanted.get(name) != image)
    missing = [host for host in hosts if running.get(container_name(host.name)) != images[host.kind]]

    def start(host: BenchHost) -> None:
        run(["docker", "volume", "create", *labels(), volume_name(host.name)])
        fill_disk(host)
        run(["docker", "run", "--detach", *_options(host), images[host.kind], "/sbin/init"])
        wait_until_up(host.name, ssh_login(user, host.address, known_hosts), PATIENCE_S)

    on_each(missing, start, AT_ONCE)


def _running() -> dict[str, str]:
    form = "{{.Names}}\t{{.Image}}"
    rows = run(["docker", "ps", "--all", NAMES, f"--format={form}"]).splitlines()
    return dict(row.split("\t", 1) for row in rows)


def _options(host: BenchHost) -> list[str]:
    """The docker options that the Vagrantfile gives a host."""
    return [
        *_container_flags(),
        *("--name", container_name(host.name), "--hostname", host.name),
        *("--network", NETWORK, "--network-alias", host.name, "--restart=always"),
        *("--publish", f"{host.address}:22:22"),
        *("--dns", "127.0.0.1", "--dns-opt", "timeout:1", "--dns-opt", "attempts:1"),
        *labels(),
        f"--volume={volume_name(host.name)}:/var/lib/docker",
        f"--volume={HOST_CONFIGS / host.kind}:/etc/testbed:ro",
    ]


@cache
def _container_flags() -> list[str]:
    return run([SOURCES / "container-flags"]).splitlines()


def on(host: BenchHost, script: str) -> str:
    """What a script prints that runs as root on a host, past ssh."""
    return run(["docker", "exec", "-i", container_name(host.name), "sh", "-c", script])


def on_each(
    hosts: Sequence[BenchHost], action: Callable[[BenchHost], Any], at_once: int = AT_ONCE
) -> list[Any]:
    """The results of an action for each host, in their order; the first error ends it."""
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(action, hosts))


def remove_all() -> None:
    """Remove every host of the bench, and its disk."""
    _remove(_running())
    disks = run(["docker", "volume", "ls", "--quiet", NAMES]).split()
    if disks:
        run(["docker", "volume", "rm", "--force", *disks])


def _remove(names: Iterable[str]) -> None:
    doomed = sorted(names)
    if not doomed:
        return
    run(["docker", "rm", "--force", "--volumes", *doomed])
    run(["docker", "volume", "rm", "--force", *(f"{name}-docker" for name in doomed)])
