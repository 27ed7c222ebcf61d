"""Kernels that a host may run, those that a run boots into, and the one to name where neither will do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from tests.unit.examples import examples
from tests.unit.sample_hosts import (
    ARC_A770,
    ARC_B580,
    FLEX_170,
    H100,
    HWE,
    MAX_1100,
    RTX_3090,
    debian,
    host,
    noble,
    resolved,
    settings,
)
from xpulab.catalog.systems import Kernel, OperatingSystem
from xpulab.explaining.hypothetical import a_release_of
from xpulab.inventory.settings import HostSettings, Policy
from xpulab.probing.observed import InstalledPackage, Observed
from xpulab.resolving.kernels import identify
from xpulab.resolving.resolve import resolve
from xpulab.resolving.target import Target
from xpulab.resolving.vendors import load_catalog as load
from xpulab.schema.refusal import Refusal

CATALOG = load()
CARDS = (RTX_3090, H100, "10de:1b06", ARC_A770, ARC_B580, MAX_1100, FLEX_170, "8086:64a0", "8086:7d55")
NEWER = "is newer than any that xpulab knows"


def there(names: Iterable[str]) -> Mapping[str, InstalledPackage]:
    return dict.fromkeys(names, InstalledPackage("1"))


def today(flavour: str, system: OperatingSystem) -> Kernel:
    """The kernel that a flavour's meta package brings now."""
    return next(each for each in reversed(system.kernels) if each.flavour == flavour and not each.superseded)


@pytest.mark.parametrize(
    ("kernel", "flavour"),
    [
        ("7.0.0-31-generic", "generic-hwe-24.04"),
        ("6.17.0-20-generic", "generic-hwe-24.04"),
        ("6.11.0-29-generic", "generic-hwe-24.04"),
        ("6.17.0-1012-oem", "oem-24.04d"),
        ("6.11.0-1027-oem", "oem-24.04d"),
        ("6.8.0-1040-nvidia", "nvidia"),
        ("6.17.0-1005-nvidia", "nvidia-hwe-24.04"),
        ("7.0.0-1003-nvidia", "nvidia-hwe-24.04"),
        ("6.11.0-1018-azure", "azure"),
        ("6.14.0-1017-aws", "aws"),
        ("7.0.0-1008-gcp", "gcp"),
        ("7.0.0-1004-oracle", "oracle"),
        ("6.8.0-1030-ibm", "ibm"),
    ],
)
def test_a_kernel_that_hosts_with_2404_run_gets_the_modules_of_its_flavour(kernel: str, flavour: str) -> None:
    target = resolved(resolve(noble(H100, kernel=kernel), settings(), CATALOG))
    assert target.kernel_flavour == flavour
    assert not any(NEWER in note for note in target.notes)


@pytest.mark.parametrize(
    ("kernel", "flavour"),
    [
        ("5.19.0-50-generic", "generic-hwe-22.04"),
        ("6.2.0-39-generic", "generic-hwe-22.04"),
        ("6.5.0-45-generic", "generic-hwe-22.04"),
        ("6.5.0-1024-aws", "aws"),
        ("6.2.0-1018-azure", "azure"),
    ],
)
def test_a_host_that_was_not_rebooted_for_long_gets_what_its_flavour_has_become(
    kernel: str, flavour: str
) -> None:
    assert resolved(resolve(host(H100, kernel=kernel), settings(), CATALOG)).kernel_flavour == flavour


@pytest.mark.parametrize(
    ("kernel", "flavour"),
    [
        ("6.12.95+deb12-amd64", "amd64"),
        ("6.12.95+deb12-cloud-amd64", "cloud-amd64"),
        ("6.1.0-53-amd64", "amd64"),
        ("6.1.0-53-cloud-amd64", "cloud-amd64"),
        ("6.5.0-0.deb12.4-amd64", "amd64"),
        ("6.10.11+bpo-amd64", "amd64"),
    ],
)
def test_debian_12s_kernels_are_known_by_every_name_they_bear(kernel: str, flavour: str) -> None:
    assert resolved(resolve(debian(RTX_3090, kernel=kernel), settings(), CATALOG)).kernel_flavour == flavour


@pytest.mark.parametrize(
    "observed",
    [
        noble(H100, kernel="7.4.0-12-generic"),
        noble(ARC_B580, kernel="7.4.0-12-generic"),
        noble(RTX_3090, kernel="7.1.0-1002-oem"),
        host(ARC_A770, kernel="6.11.0-1004-azure"),
        debian(ARC_A770, kernel="7.3.4+deb12-amd64"),
    ],
)
def test_a_newer_series_of_a_known_flavour_is_a_note(observed: Observed) -> None:
    target = resolved(resolve(observed, settings(), CATALOG))
    assert target.kernel_upgrade is None
    assert sum(NEWER in note for note in target.notes) == 1


def test_a_newer_series_is_nothing_to_say_of_a_cpu_host() -> None:
    assert resolved(resolve(noble(kernel="7.4.0-12-generic"), settings(), CATALOG)).notes == ()


def test_a_newer_series_is_refused_where_dkms_builds_for_listed_ones_alone() -> None:
    refusal = resolve(noble(MAX_1100, kernel="7.4.0-12-generic"), settings(), CATALOG)
    assert isinstance(refusal, Refusal)
    assert "6.8" in refusal.reason and "apt install linux-generic," in refusal.remedy


@pytest.mark.parametrize(
    ("observed", "package"),
    [
        (host(RTX_3090, kernel="6.11.0-061100-generic"), "linux-generic (GA, 5.15)"),  # a mainline build
        (host(RTX_3090, kernel="6.8.12-x64v3-xanmod1"), "linux-generic (GA, 5.15)"),
        (host(ARC_A770, kernel="6.8.12-x64v3-xanmod1"), "linux-generic (GA, 5.15)"),
        (host(H100, kernel="5.4.0-1030-aws"), "linux-aws (AWS, 6.8)"),
        (noble(MAX_1100, kernel="6.8.12-custom"), "linux-generic (GA, 6.8)"),
        (debian(RTX_3090, kernel="5.10.0-30-cloud-amd64"), "linux-image-cloud-amd64 (cloud, 6.1)"),
    ],
)
def test_a_kernel_of_no_known_flavour_is_told_of_one_that_suits_card_and_flavour(
    observed: Observed, package: str
) -> None:
    refusal = resolve(observed, settings(), CATALOG)
    assert isinstance(refusal, Refusal)
    assert refusal.remedy == f"apt install {package}, reboot into it, and run again"


LATER = ("linux-image-6.8.0-87-generic", "linux-generic-hwe-22.04", "linux-image-generic-hwe-22.04")


@pytest.mark.parametrize("card", [MAX_1100, FLEX_170])
def test_a_later_kernel_that_would_boot_is_refused_where_dkms_builds_for_the_running_one(card: str) -> None:
    refusal = resolve(host(card, packages=there((*LATER, "linux-generic"))), settings(), CATALOG)
    assert isinstance(refusal, Refusal)
    assert "next boot" in refusal.reason and "linux-image-6.8.0-87-generic" in refusal.reason
    assert refusal.remedy == f"apt purge {' '.join(LATER)}, and run again"
    resolved(resolve(host(card, packages=there(["linux-generic"])), settings(), CATALOG))


@pytest.mark.parametrize(
    "harmless",
    [
        "linux-image-5.15.0-170-generic",  # of the same series
        "linux-image-5.4.0-150-generic",  # an older one, which does not boot
        "linux-headers-6.8.0-87-generic",  # no kernel
    ],
)
def test_other_packages_of_kernels_do_not_stand_in_the_way(harmless: str) -> None:
    resolved(resolve(host(MAX_1100, packages=there([harmless])), settings(), CATALOG))


def test_later_kernels_matter_to_no_card_with_modules_of_the_kernels_own() -> None:
    for card in (RTX_3090, ARC_A770):
        resolved(resolve(host(card, packages=there(LATER)), settings(), CATALOG))


def test_max_on_a_later_kernel_is_told_all_that_lets_the_right_one_boot() -> None:
    refusal = resolve(host(MAX_1100, kernel=HWE, packages=there(LATER)), settings(), CATALOG)
    assert isinstance(refusal, Refusal)
    purge = f"apt purge {' '.join(LATER)} there"
    assert refusal.remedy == f"apt install linux-generic, reboot into that kernel, {purge}, and run again"


RELEASES = [
    (key, kernel)
    for key, system in CATALOG.operating_systems.items()
    for kernel in (
        *map(a_release_of, system.kernels),
        *(f"7.9.0-3-{suffix}" for suffix in dict.fromkeys(each.suffix for each in system.kernels)),
        "6.8.12-custom",
    )
]
hosts = st.builds(
    lambda cards, system_and_kernel, secure_boot: host(
        *cards,
        **dict(zip(("os_id", "os_version"), system_and_kernel[0].split("-"), strict=True)),
        kernel=system_and_kernel[1],
        secure_boot=secure_boot,
    ),
    st.lists(st.sampled_from(CARDS), min_size=1, max_size=2),
    st.sampled_from(RELEASES),
    st.booleans(),
)
policies = st.builds(
    Policy,
    prefer=st.sampled_from(["nvidia", "intel", "both"]),
    nvidia_source=st.sampled_from([None, "archive", "cuda"]),
    machine_owner_key=st.sampled_from(["none", "enrolled"]),
)


@profile(max_examples=examples(600), deadline=None)
@given(hosts, policies)
def test_what_a_run_boots_into_is_accepted_by_its_own_next_look(observed: Observed, policy: Policy) -> None:
    wanted, system = HostSettings(policy=policy), CATALOG.operating_systems[observed.os]
    first = resolve(observed, wanted, CATALOG)
    if isinstance(first, Refusal) or first.kernel_flavour == "unknown":
        return
    # Packages follow the flavour: what it brings today is what boots, an upgrade or not.
    brought = today(first.kernel_flavour, system)
    running = identify(observed.kernel, system)
    assert isinstance(running, Kernel)
    boots = max(brought, running, key=lambda each: tuple(map(int, each.series.split("."))))
    if first.kernel_upgrade is None and any(
        first.driver_of(each).modules == "dkms" for each in first.vendors
    ):
        return  # a module that is built for listed kernels alone brings no kernel
    second = resolve(replace(observed, kernel=a_release_of(boots)), wanted, CATALOG)
    assert isinstance(second, Target), (first, second)
    assert second.kernel_upgrade is None
    assert (second.driver, second.beside, second.kernel_flavour) == (
        first.driver,
        first.beside,
        first.kernel_flavour,
    )


@profile(max_examples=examples(300), deadline=None)
@given(hosts, policies, st.sampled_from(["7.3", "7.9", "8.1", "12.0"]))
def test_a_newer_kernel_refuses_no_host_whose_modules_follow_it(
    observed: Observed, policy: Policy, series: str
) -> None:
    system = CATALOG.operating_systems[observed.os]
    running = identify(observed.kernel, system)
    first = resolve(observed, HostSettings(policy=policy), CATALOG)
    if isinstance(running, Refusal) or isinstance(first, Refusal):
        return
    if any(first.driver_of(each).modules == "dkms" for each in first.vendors):
        return
    later = replace(observed, kernel=f"{series}.0-1-{running.suffix}")
    second = resolve(later, HostSettings(policy=policy), CATALOG)
    assert isinstance(second, Target), second
    assert any(NEWER in note for note in second.notes)


@profile(max_examples=examples(300), deadline=None)
@given(hosts, policies)
def test_the_kernel_that_a_remedy_names_is_accepted_once_it_runs(observed: Observed, policy: Policy) -> None:
    wanted, system = HostSettings(policy=policy), CATALOG.operating_systems[observed.os]
    refusal = resolve(observed, wanted, CATALOG)
    if isinstance(refusal, Target) or not refusal.remedy.startswith("apt install "):
        return
    package = refusal.remedy.split()[2].rstrip(",")
    # The archive's own comes where nothing tells apt of backports.
    brought = next(
        each
        for each in system.kernels
        if system.meta_package(each) == package and not each.superseded and each.repository is None
    )
    second = resolve(replace(observed, kernel=a_release_of(brought)), wanted, CATALOG)
    # Secure Boot may still forbid what DKMS builds for it.
    assert isinstance(second, Target) or not second.remedy.startswith("apt install "), second
