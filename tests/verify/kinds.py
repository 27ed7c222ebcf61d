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


def _uses(vendor: str) -> Callable[[ProvisionedHost], bool]:
    return lambda host: vendor in host.record.vendors


def _has_image_for(vendor: str) -> Callable[[ProvisionedHost], bool]:
    return lambda host: host.record.vendor == vendor


def _has_user_space(host: ProvisionedHost) -> bool:
    # On the distribution's channel all user space is in the image.
    driver = host.record.drivers.get("intel")
    return driver is not None and driver.branch != "distribution"


def _has_dkms_module(host: ProvisionedHost) -> bool:
    driver = host.record.drivers.get("intel")
    return driver is not None and driver.modules == "dkms"


KINDS = {
    "provisioned_host": Kind("provisioned hosts", lambda host: True),
    "nvidia_host": Kind("NVIDIA hosts", _uses("nvidia")),
    "nvidia_image_host": Kind("hosts with an image for NVIDIA", _has_image_for("nvidia")),
    "intel_host": Kind("Intel hosts", _uses("intel")),
    "intel_image_host": Kind("hosts with an image for Intel", _has_image_for("intel")),
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
