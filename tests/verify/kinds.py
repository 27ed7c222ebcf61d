"""Which hosts a check is for: the name of its argument says the kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .lab import LabHost
from .provisioned_host import ProvisionedHost
from .record import Record

EVERY_HOST = "lab_host"


@dataclass(frozen=True)
class Kind:
    """A kind of host: its name in prose, and how its record is told from others."""

    words: str
    includes: Callable[[Record], bool]


def _has_user_space(record: Record) -> bool:
    # On the distribution's channel all user space is in the image.
    return record.vendor == "intel" and record.driver is not None and record.driver.branch != "distribution"


def _has_dkms_module(record: Record) -> bool:
    return record.vendor == "intel" and record.driver is not None and record.driver.modules == "dkms"


KINDS = {
    "provisioned_host": Kind("provisioned hosts", lambda record: True),
    "nvidia_host": Kind("NVIDIA hosts", lambda record: record.vendor == "nvidia"),
    "intel_host": Kind("Intel hosts", lambda record: record.vendor == "intel"),
    "level_zero_host": Kind("Intel hosts with user space of their own", _has_user_space),
    "intel_dkms_host": Kind("Intel data center GPU hosts", _has_dkms_module),
    "cpu_host": Kind("CPU hosts", lambda record: record.vendor == "cpu"),
}


def provisioned(hosts: Sequence[LabHost]) -> list[ProvisionedHost]:
    """The hosts that have a record."""
    return [ProvisionedHost(host, host.survey.record) for host in hosts if host.survey.record is not None]


def of_kind(hosts: Sequence[ProvisionedHost], kind: str) -> list[ProvisionedHost]:
    """The hosts that a check with an argument of that name is for."""
    return [host for host in hosts if KINDS[kind].includes(host.record)]
