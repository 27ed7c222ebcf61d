"""The same hosts as each contender's users would write them down."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from pprint import pformat
from typing import Any

import yaml
from vlab.command import TestbedError
from vlab.hosts import Host, Lab
from vlab.inventory import overrides
from vlab.places import CLIENT_KEY, FACTS, HOST_CONFIGS, STATE

from bench.hosts import GROUPS, BenchHost
from xpulab.explaining import hypothetical
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.resolve import resolve
from xpulab.resolving.target import Image
from xpulab.resolving.vendors import load_catalog
from xpulab.schema.refusal import Refusal

FOLDER = STATE / "bench"


@dataclass(frozen=True)
class Inventories:
    """The files that describe one set of hosts."""

    pyinfra: Path
    ansible: Path
    known_hosts: Path


def write_inventories(folder: Path, hosts: Sequence[BenchHost], lab: Lab) -> Inventories:
    """Write all inventories of `hosts`; TestbedError if the testbed was never built."""
    if not FACTS.is_file():
        raise TestbedError("the testbed was never built: run script/prepare")
    facts = json.loads(FACTS.read_text())
    settings = overrides(lab, facts)
    written = Inventories(folder / "hosts.py", folder / "hosts.yml", folder / "known_hosts")
    folder.mkdir(parents=True, exist_ok=True)
    keys = {kind: (HOST_CONFIGS / kind / "ssh_host_ed25519_key.pub").read_text() for kind in GROUPS}
    images = {group: image_of(lab.hosts[kind], settings) for kind, group in GROUPS.items()}
    written.known_hosts.write_text(known_hosts(hosts, keys))
    written.pyinfra.write_text(pyinfra_inventory(hosts, lab.user, settings, written.known_hosts))
    written.ansible.write_text(
        ansible_inventory(hosts, lab.user, facts["fingerprints"], images, written.known_hosts)
    )
    return written


def known_hosts(hosts: Sequence[BenchHost], keys: Mapping[str, str]) -> str:
    """One line per host, with the host key that copies of its kind share."""
    return "".join(f"{host.address} {' '.join(keys[host.kind].split()[:2])}\n" for host in hosts)


def pyinfra_inventory(
    hosts: Sequence[BenchHost], user: str, settings: Mapping[str, Any], known_hosts: Path
) -> str:
    """A pyinfra inventory in Python: a list per group, and what all hosts share written once."""
    lab = {
        "ssh_user": user,
        "ssh_key": str(CLIENT_KEY),
        "ssh_known_hosts_file": str(known_hosts),
        "ssh_strict_host_key_checking": "yes",
        **settings,
    }
    lines = ['"""Hosts of the bench."""', "", f"_lab = {pformat(lab, width=100, sort_dicts=False)}"]
    for group, members in by_group(hosts).items():
        rows = [f'    ("{host.name}", {{**_lab, "ssh_hostname": "{host.address}"}}),' for host in members]
        lines += [f"{group} = [", *rows, "]"]
    return "\n".join(lines) + "\n"


def ansible_inventory(
    hosts: Sequence[BenchHost],
    user: str,
    fingerprints: Mapping[str, str],
    images: Mapping[str, Image],
    known_hosts: Path,
) -> str:
    """An Ansible inventory in YAML, with the same groups."""
    shared = {
        "ansible_user": user,
        "ansible_ssh_private_key_file": str(CLIENT_KEY),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={known_hosts} -o StrictHostKeyChecking=yes",
        "lab_users": [user],
        "apt_fingerprints": dict(fingerprints),
    }
    groups = {
        group: {
            "hosts": {host.name: {"ansible_host": host.address} for host in members},
            "vars": {"image": images[group].reference, "image_digest": images[group].digest},
        }
        for group, members in by_group(hosts).items()
    }
    return yaml.safe_dump({"all": {"vars": shared, "children": groups}}, sort_keys=False)


def by_group(hosts: Sequence[BenchHost]) -> dict[str, list[BenchHost]]:
    """The hosts of each group that has any."""
    groups: dict[str, list[BenchHost]] = {}
    for host in hosts:
        groups.setdefault(host.group, []).append(host)
    return groups


def image_of(host: Host, settings: Mapping[str, Any]) -> Image:
    """The image that a testbed host of this kind gets, which the baselines are told and do not choose."""
    known = load_catalog()
    described = hypothetical.host(
        [function.id for function in host.pci if function.name], host.os, host.kernel, False, known
    )
    target = resolve(described, HostSettings.model_validate(settings), known)
    if isinstance(target, Refusal):
        raise TestbedError(f"{host.name} would be refused: {target.reason}")
    return target.image
