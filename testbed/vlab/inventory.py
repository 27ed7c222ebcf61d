"""What pyinfra needs to know of the lab's hosts, in inventories/testbed.py and with @vagrant."""

from __future__ import annotations

import json
import os
from typing import Any

import yaml

from vlab.command import TestbedError
from vlab.hosts import Host, Lab
from vlab.places import CLIENT_KEY, FACTS, KNOWN_HOSTS, ROOT

CATALOG = ROOT / "xpulab" / "catalog" / "repositories.yml"


def host_data(lab: Lab, host: Host) -> dict[str, Any]:
    """Return the host's pyinfra data: how to reach it, and what differs from production.

    Hosts serve a workbench where XPULAB_TESTBED_WORKBENCH is set: it takes images that are built first.
    """
    if not FACTS.is_file():
        raise TestbedError(
            "the testbed was never built: run testbed/up, or script/demo for the whole demonstration"
        )
    facts = json.loads(FACTS.read_text())
    served = {"workbench": workbench(lab, host)} if os.environ.get("XPULAB_TESTBED_WORKBENCH") else {}
    return {**connection(lab, host), **overrides(lab, facts), **served}


def connection(lab: Lab, host: Host) -> dict[str, Any]:
    """Return the ssh part of a host's data."""
    return {
        "ssh_hostname": host.address,
        "ssh_port": 22,
        "ssh_user": lab.user,
        "ssh_key": str(CLIENT_KEY),
        "ssh_known_hosts_file": str(KNOWN_HOSTS),
        "ssh_strict_host_key_checking": "yes",
    }


def overrides(lab: Lab, facts: dict[str, Any]) -> dict[str, Any]:
    """Return what a lab with its own mirror would set: fingerprints, image digests, users."""
    known = yaml.safe_load(CATALOG.read_text())
    keys = {name: key for name, key in facts["fingerprints"].items() if name in known}
    return {
        "users": [lab.user],
        "repositories": {name: {"fingerprints": [key]} for name, key in keys.items()},
        "images": {
            reference: {"digest": digest, "disk_gb": 1} for reference, digest in facts["images"].items()
        },
    }


def workbench(lab: Lab, host: Host) -> dict[str, Any]:
    """Return what the host's workbench is to be; its one user has the key that logs in to the host."""
    users = {lab.user: [CLIENT_KEY.with_suffix(".pub").read_text().strip()]}
    return {"registry": "registry.lab.test", "users": users, **host.workbench}


def write_vagrant_data(lab: Lab) -> None:
    """Write @vagrant.json, from which pyinfra's @vagrant connector takes the same data."""
    data = {name: host_data(lab, host) for name, host in lab.hosts.items()}
    (ROOT / "@vagrant.json").write_text(json.dumps({"data": data}, indent=2) + "\n")
