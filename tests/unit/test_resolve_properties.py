"""What holds for any host at all: the resolver answers, and never pairs what does not fit."""

from __future__ import annotations

from fnmatch import fnmatch

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from tests.unit.examples import examples
from tests.unit.sample_hosts import (
    ARC_A770,
    BACKPORTS,
    BOOKWORM,
    FLEX_170,
    GA,
    HWE,
    MAX_1100,
    NOBLE_HWE,
    RESOLUTE,
    TRIXIE,
    host,
    manifest_of,
)
from xpulab.catalog.entry import release
from xpulab.catalog.images import CatalogImage
from xpulab.desired.kinds.apt_repository import AptRepository
from xpulab.desired.kinds.file import File
from xpulab.desired.kinds.package import AbsentPackages, Package
from xpulab.inventory.settings import HostSettings, Policy
from xpulab.probing.observed import Observed, PciFunction
from xpulab.resolving.intel.facts import IntelFacts
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.resolve import resolve
from xpulab.resolving.target import Target
from xpulab.resolving.vendors import load_catalog as load
from xpulab.schema.refusal import Refusal

CATALOG = load()
NVIDIA = [
    f"10de:{edge}"
    for family in CATALOG.of(NvidiaFacts).families.values()
    if not family.unsupported
    for chips in family.chips
    for edge in (chips.first, chips.last)
]
INTEL = [
    f"8086:{device}"
    for device, (key, _) in CATALOG.of(IntelFacts).by_device.items()
    if CATALOG.of(IntelFacts).devices[key].pytorch == "supported"
]
CLOSE = [MAX_1100, FLEX_170, ARC_A770, "8086:7d55"]  # families whose channels or images differ in part
SYSTEMS = [
    {"os_id": system, "os_version": version, "kernel": kernel}
    for system, version, kernels in (
        ("ubuntu", "22.04", (GA, HWE, "6.8.0-1021-aws")),
        ("ubuntu", "24.04", (HWE, "6.14.0-30-generic", NOBLE_HWE)),
        ("ubuntu", "26.04", (RESOLUTE, "7.0.0-1004-aws")),
        ("debian", "12", (BOOKWORM, BACKPORTS)),
        ("debian", "13", (TRIXIE, "6.12.118+deb13-cloud-amd64", "7.3.4+deb13-amd64")),
    )
    for kernel in kernels
]
lists_of_cards = st.one_of(
    *(
        st.lists(cards, min_size=1, max_size=3)
        for cards in (st.sampled_from(NVIDIA), st.sampled_from(CLOSE), st.sampled_from(NVIDIA + INTEL))
    )
)
anything = st.builds(
    PciFunction,
    address=st.text(max_size=12),
    vendor=st.one_of(st.sampled_from(sorted(CATALOG.pci_vendors)), st.text(max_size=5)),
    device=st.one_of(st.text("0123456789abcdef", min_size=4, max_size=4), st.text(max_size=5)),
    pci_class=st.one_of(st.sampled_from(["030000", "120000", "040300"]), st.text(max_size=6)),
)
policies = st.builds(
    Policy,
    torch=st.sampled_from([None] * 8 + ["2.14", "2.14.1", "2.15", "2.9", "2.9.0", "2.0", "1.13", "9.9.9"]),
    prefer=st.sampled_from(["nvidia", "intel", "both"]),
    nvidia_driver=st.sampled_from(
        [None] * 4 + ["470", "535", "580", "590", "595", "595", "610", "620", "999"]
    ),
    engine=st.sampled_from(["docker.io", "docker-ce"]),
    nvidia_driver_end_of_life=st.sampled_from(["refuse", "allow"]),
    nvidia_source=st.sampled_from([None, None, None, "archive", "cuda"]),
    machine_owner_key=st.sampled_from(["none", "enrolled"]),
    fabric_manager=st.sampled_from(["auto", "auto", "never"]),
    container_toolkit=st.sampled_from([None, None, "1.19.1", "1.18.0"]),
    intel_channel=st.sampled_from([None] * 4 + ["unified", "ppa", "distribution", "lts/2523", "lts/2350"]),
    unsupported=st.sampled_from(["refuse", "cpu"]),
)
labs = st.builds(
    lambda ids, system, secure_boot, switched: host(
        *ids, *(["10de:22a3"] if switched else []), secure_boot=secure_boot, **system
    ),
    lists_of_cards,
    st.sampled_from(SYSTEMS),
    st.booleans(),
    st.sampled_from([False, False, False, True]),
)
oddities = st.builds(
    lambda pci, kernel: host(pci=tuple(pci), kernel=kernel),
    st.lists(anything, max_size=4),
    st.one_of(st.just(GA), st.text(max_size=20)),
)
hosts = st.one_of(labs, labs, oddities)


def image_of(target: Target) -> CatalogImage:
    return next(image for image in CATALOG.every_image if image.reference == target.image.reference)


def check_nvidia(target: Target) -> None:
    image = image_of(target)
    assert target.driver is not None and image.cuda is not None
    branch = CATALOG.of(NvidiaFacts).driver.branches[target.driver.branch]
    assert release(branch.at_least or "0") >= release(CATALOG.of(NvidiaFacts).cuda[image.cuda].minimum_driver)
    for gpu in target.accelerators:
        if gpu.family not in CATALOG.of(NvidiaFacts).families:
            continue
        family = CATALOG.of(NvidiaFacts).families[gpu.family]
        assert image.runs_on(gpu.compute_capability or "")
        assert target.driver.modules in family.modules
        assert int(target.driver.branch) <= int(family.last_branch or "999")


def check_intel(target: Target) -> None:
    channel = CATALOG.of(IntelFacts).compute.channels[target.driver_of("intel").branch].on(target.os)
    assert target.os in channel.suites
    for gpu in target.accelerators:
        if gpu.family in CATALOG.of(IntelFacts).devices:
            assert target.beside or gpu.family in image_of(target).families
            assert gpu.family in channel.families


@profile(max_examples=examples(400), deadline=None)
@given(hosts, policies)
def test_any_host_gets_a_target_that_fits_every_accelerator_or_a_refusal_with_a_remedy(
    observed: Observed, policy: Policy
) -> None:
    result = resolve(observed, HostSettings(policy=policy), CATALOG)
    if isinstance(result, Refusal):
        assert result.reason and result.remedy
        return
    if observed.secure_boot and policy.machine_owner_key == "none":
        assert all(result.driver_of(vendor).modules != "dkms" for vendor in result.vendors if result.driver)
        assert "nvidia" not in result.vendors or result.driver_of("nvidia").source == "archive"
    assert bool(result.accelerators) == (result.vendor != "cpu")
    if result.vendor == "nvidia":
        check_nvidia(result)
    if "intel" in result.vendors:
        check_intel(result)


@profile(max_examples=examples(200), deadline=None)
@given(hosts, policies)
def test_any_target_has_a_manifest_with_one_intel_channel_at_most_and_no_contradiction(
    observed: Observed, policy: Policy
) -> None:
    settings = HostSettings(policy=policy)
    target = resolve(observed, settings, CATALOG)
    if isinstance(target, Refusal):
        return
    manifest = manifest_of(observed, settings)
    repositories = [repository.name for repository in manifest.of(AptRepository)]
    assert len(repositories) == len(set(repositories))
    assert len({"intel-gpu", "intel-graphics-ppa"} & set(repositories)) <= 1
    if target.vendor == "nvidia":
        assert ("nvidia-cuda" in repositories) == (target.driver_of("nvidia").source == "cuda")
    names = [package.name for package in manifest.of(Package)]
    assert len(names) == len(set(names))
    unwanted = [pattern for each in manifest.of(AbsentPackages) for pattern in each.patterns]
    assert not [name for name in names for pattern in unwanted if fnmatch(name, pattern)]
    paths = [file.path for file in manifest.of(File)]
    assert len(paths) == len(set(paths))


def test_hosts_of_every_system_are_made_up_here() -> None:
    assert {f"{each['os_id']}-{each['os_version']}" for each in SYSTEMS} == set(CATALOG.operating_systems)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: "-".join(system.values()))
def test_every_intel_device_gets_a_target_or_a_refusal_with_a_remedy_on_every_system(
    system: dict[str, str],
) -> None:
    outcomes = {"target": 0, "refusal": 0}
    for device in CATALOG.of(IntelFacts).by_device:
        result = resolve(host(f"8086:{device}", **system), HostSettings(), CATALOG)
        if isinstance(result, Refusal):
            assert result.reason and result.remedy
        outcomes["refusal" if isinstance(result, Refusal) else "target"] += 1
    assert sum(outcomes.values()) == 390 and all(outcomes.values())


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: "-".join(system.values()))
def test_every_nvidia_chip_gets_a_target_or_a_refusal_with_a_remedy_on_every_system(
    system: dict[str, str],
) -> None:
    for card in NVIDIA:
        result = resolve(host(card, **system), HostSettings(), CATALOG)
        if isinstance(result, Refusal):
            assert result.reason and result.remedy
        else:
            check_nvidia(result)
            assert manifest_of(host(card, **system), HostSettings()).of(Package)
