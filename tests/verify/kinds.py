"""Which hosts a check is for: the name of its argument says the kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .lab import LabHost
from .provisioned_host import ProvisionedHost

EVERY_HOST = "lab_host"


@dataclass(frozen=True)
class Kind:
    """A kind of host: its name in prose, and how it is told from others.

    Checks of an `optional` kind run only where pytest's -m asks for them.
    """

    words: str
    includes: Callable[[ProvisionedHost], bool]
    optional: bool = False


def _has_user_space(host: ProvisionedHost) -> bool:
    # On the distribution's channel all user space is in the image.
    record = host.record
    return record.vendor == "intel" and record.driver is not None and record.driver.branch != "distribution"


def _has_dkms_module(host: ProvisionedHost) -> bool:
    record = host.record
    return record.vendor == "intel" and record.driver is not None and record.driver.modules == "dkms"


KINDS = {
    "provisioned_host": Kind("provisioned hosts", lambda host: True),
    "nvidia_host": Kind("NVIDIA hosts", lambda host: host.record.vendor == "nvidia"),
    "intel_host": Kind("Intel hosts", lambda host: host.record.vendor == "intel"),
    "level_zero_host": Kind("Intel hosts with user space of their own", _has_user_space),
    "intel_dkms_host": Kind("Intel data center GPU hosts", _has_dkms_module),
    "cpu_host": Kind("CPU hosts", lambda host: host.record.vendor == "cpu"),
    "workbench_host": Kind(
        "workbench hosts", lambda host: host.lab_host.workbench is not None, optional=True
    ),
}


def provisioned(hosts: Sequence[LabHost]) -> list[ProvisionedHost]:
    """The hosts that have a record."""
    return [ProvisionedHost(host, host.survey.record) for host in hosts if host.survey.record is not None]


def of_kind(hosts: Sequence[ProvisionedHost], kind: str) -> list[ProvisionedHost]:
    """The hosts that a check with an argument of that name is for."""
    return [host for host in hosts if KINDS[kind].includes(host)]
