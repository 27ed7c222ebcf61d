"""What stands around the hosts in Docker: their network, their volumes, and upstream."""

from __future__ import annotations

import os
from pathlib import Path

from vlab import news
from vlab.command import TestbedError, attempt, run
from vlab.hosts import Host
from vlab.places import (
    CLONE_LABEL,
    KEYS,
    LAB_REGISTRY,
    LABEL,
    NETWORK,
    REGISTRY,
    ROOT,
    ROTTEN,
    UPSTREAM,
    WWW,
    container_name,
    labels,
    volume_name,
)
from vlab.repositories import host_names, load_repositories
from vlab.steps import digest, say

REGISTRY_NAMES = [
    "registry-1.docker.io",
    "index.docker.io",
    "auth.docker.io",
    "production.cloudflare.docker.com",
]
PYPI_NAMES = ["pypi.org", "files.pythonhosted.org", "download.pytorch.org"]
# What a lab runs itself: a web server for releases that hosts pull, and a registry that takes pushes.
LAB_NAMES = ["releases.lab.test", "registry.lab.test"]


def upstream_names() -> list[str]:
    """Return every host name that upstream answers under."""
    names = [
        *host_names(load_repositories()),
        *REGISTRY_NAMES,
        *PYPI_NAMES,
        *LAB_NAMES,
        *news.host_names(),
    ]
    return list(dict.fromkeys(names))


def remove_other_clones() -> None:
    """Remove a testbed that another clone left: it has the same names and addresses.

    One that is up in a clone that still exists may be somebody's: only continuous integration removes that.
    """
    form = f'{{{{.Label "{CLONE_LABEL}"}}}}'
    running = set(run(["docker", "ps", "--filter", f"label={LABEL}=1", "--format", form]).splitlines())
    in_use = sorted(clone for clone in running - {str(ROOT)} if Path(clone).is_dir())
    if in_use and not os.environ.get("CI"):
        raise TestbedError(
            f"the testbed of {in_use[0]} is up, and a machine has room for one: "
            "end that one with script/demo --down"
        )
    for kind, listing, remove in (
        ("containers", ["docker", "ps", "--all"], ["docker", "rm", "--force", "--volumes"]),
        ("volumes", ["docker", "volume", "ls"], ["docker", "volume", "rm", "--force"]),
        ("networks", ["docker", "network", "ls"], ["docker", "network", "rm"]),
    ):
        field = "Name" if kind != "containers" else "Names"
        form = f'{{{{.{field}}}}}\t{{{{.Label "{CLONE_LABEL}"}}}}'
        rows = run([*listing, "--filter", f"label={LABEL}=1", "--format", form]).splitlines()
        others = [name for name, clone in (row.split("\t", 1) for row in rows) if clone != str(ROOT)]
        if others:
            say(f"removing {kind} that another clone left: {', '.join(others)}")
            run([*remove, *others])


def make_network() -> None:
    """Make the hosts' network, without the masquerading that would let them reach the world outside."""
    if attempt(["docker", "network", "inspect", NETWORK]).returncode != 0:
        run(
            [
                "docker",
                "network",
                "create",
                *labels(),
                "--opt",
                "com.docker.network.bridge.enable_ip_masquerade=false",
                NETWORK,
            ]
        )


def make_volumes(hosts: list[Host]) -> None:
    """Make each host's disk for its Docker Engine."""
    existing = set(run(["docker", "volume", "ls", "--quiet"]).split())
    for host in hosts:
        if volume_name(host.name) not in existing:
            run(["docker", "volume", "create", *labels(), volume_name(host.name)])


def start_upstream(image: str) -> None:
    """Start upstream, afresh when its image or its names changed."""
    wanted = digest(image, KEYS / "tls.crt", *upstream_names())
    form = '{{.State.Running}} {{index .Config.Labels "org.xpulab.testbed.setup"}}'
    if attempt(["docker", "inspect", "--format", form, UPSTREAM]).stdout.strip() == f"true {wanted}":
        return
    attempt(["docker", "rm", "--force", UPSTREAM])
    LAB_REGISTRY.mkdir(parents=True, exist_ok=True)
    run(
        [
            *("docker", "run", "--detach", f"--name={UPSTREAM}", "--hostname=upstream", "--restart=always"),
            *(*labels(), f"--label=org.xpulab.testbed.setup={wanted}"),
            *(f"--network={NETWORK}", "--network-alias=upstream"),
            *(f"--network-alias={name}" for name in upstream_names()),
            f"--volume={WWW}:/srv/www:ro",
            f"--volume={ROTTEN}:/srv/rotten:ro",
            f"--volume={REGISTRY}:/srv/registry:ro",
            f"--volume={LAB_REGISTRY}:/srv/lab-registry",
            f"--volume={KEYS / 'tls.crt'}:/srv/tls/tls.crt:ro",
            f"--volume={KEYS / 'tls.key'}:/srv/tls/tls.key:ro",
            image,
        ],
    )


def remove_host(host: Host) -> None:
    """Remove the host and its disk."""
    attempt(["docker", "rm", "--force", "--volumes", container_name(host.name)])
    attempt(["docker", "volume", "rm", "--force", volume_name(host.name)])
