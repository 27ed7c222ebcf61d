"""Headers for DKMS on a host that was not booted for months, whose own are in no archive any more."""

from __future__ import annotations

import pytest

from tests.unit.sample_hosts import BOOKWORM, RTX_3090, debian, manifest_of
from xpulab.converging.drift import drift
from xpulab.converging.steps import Reboot, next_steps
from xpulab.desired.kinds.kernel_headers import KernelHeaders
from xpulab.desired.manifest import Manifest
from xpulab.desired.thing import Boot, Difference, InApt, Run
from xpulab.inventory.settings import HostSettings
from xpulab.probing.observed import InstalledPackage, Observed

NEWER = ("linux-image-amd64", "linux-headers-amd64")


def headers() -> KernelHeaders:
    (found,) = manifest_of(debian(RTX_3090), HostSettings()).of(KernelHeaders)
    return found


def there(*names: str) -> Observed:
    return debian(RTX_3090, packages={name: InstalledPackage("1") for name in names})


def differences(observed: Observed) -> tuple[Difference, ...]:
    return drift(Manifest((headers(),)), observed)


def test_headers_of_the_running_kernel_are_asked_for_with_a_newer_kernel_in_their_stead() -> None:
    (difference,) = differences(there())
    assert difference.mend == InApt(f"linux-headers-{BOOKWORM}", otherwise=NEWER)
    (apt,) = next_steps((difference,), 600)
    assert isinstance(apt, Run)
    asked = f"if apt-cache show linux-headers-{BOOKWORM} 2>/dev/null | grep -q '^Package: '"
    assert asked in apt.script and "linux-image-amd64 linux-headers-amd64; fi" in apt.script
    assert apt.script.index("apt-get -q update") < apt.script.index(asked)


def test_once_they_are_there_nothing_differs() -> None:
    assert differences(there(f"linux-headers-{BOOKWORM}")) == ()


def test_a_newer_kernel_with_its_headers_has_to_be_booted() -> None:
    (difference,) = differences(there("linux-image-6.1.0-56-amd64", "linux-headers-6.1.0-56-amd64"))
    assert difference.mend == Boot() and "6.1.0-56-amd64" in difference.wanted
    (reboot,) = next_steps((difference,), 600)
    assert isinstance(reboot, Reboot)


@pytest.mark.parametrize(
    "names",
    [
        ("linux-image-6.1.0-56-amd64",),
        ("linux-headers-6.1.0-56-amd64",),
        ("linux-image-6.1.0-9-amd64", "linux-headers-6.1.0-9-amd64"),
        ("linux-image-6.1.0-56-cloud-amd64", "linux-headers-6.1.0-56-cloud-amd64"),
        ("linux-image-amd64", "linux-headers-amd64", "linux-headers-6.1.0-56-common"),
    ],
    ids=["no headers", "no image", "older", "another flavour", "no kernel's own"],
)
def test_nothing_else_is_a_kernel_to_boot(names: tuple[str, ...]) -> None:
    (difference,) = differences(there(*names))
    assert isinstance(difference.mend, InApt)
