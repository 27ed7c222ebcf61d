"""Packages that several sources have under one name come from the one that is theirs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.sample_hosts import ARC_A770, HWE, host, manifest_of
from xpulab.converging.drift import drift
from xpulab.desired import record
from xpulab.desired.kinds.apt_repository import AptRepository
from xpulab.desired.kinds.package import Package
from xpulab.desired.manifest import Manifest
from xpulab.desired.origin import Origin
from xpulab.inventory.settings import HostSettings
from xpulab.probing.observed import InstalledPackage, Observed

INTEL = AptRepository(
    "intel-gpu",
    "https://x/key",
    ("A" * 40,),
    "https://repositories.intel.com/gpu/ubuntu",
    "jammy",
    ("unified",),
)
LIBZE = Manifest((Package("libze1", origin=Origin(INTEL, "intel", "unified")),))
RECORDED = '{"vendor": "intel", "driver": {"branch": "%s"}}'
BESIDE = '{"vendor": "nvidia", "driver": {"branch": "580"}, "beside": %s}'


def there(*origins: tuple[str, str], recorded: str = "") -> Observed:
    return replace(
        host(ARC_A770, kernel=HWE),
        packages={"libze1": InstalledPackage("1.20.6-1")},
        origins={"libze1": origins} if origins else {},
        contents={record.PATH: recorded} if recorded else {},
    )


def found(observed: Observed) -> list[str]:
    return [each.found for each in drift(LIBZE, observed)]


@pytest.mark.parametrize("uri", [INTEL.uri, INTEL.uri + "/"])
def test_a_package_of_the_channels_own_source_is_fine(uri: str) -> None:
    assert found(there((uri, "jammy/unified"))) == []
    assert found(there(("http://archive.ubuntu.com/ubuntu", "jammy/universe"), (uri, "jammy/unified"))) == []


@pytest.mark.parametrize(
    "origin",
    [
        ("http://archive.ubuntu.com/ubuntu", "jammy-updates/universe"),
        (INTEL.uri, "jammy/lts/2523/unified"),
        ("https://ppa.launchpadcontent.net/kobuk-team/intel-graphics/ubuntu", "jammy/main"),
    ],
    ids=["the distribution's archive", "another channel of the same server", "a PPA"],
)
def test_a_package_of_another_source_differs_whatever_the_record_says(origin: tuple[str, str]) -> None:
    assert found(there(origin, recorded=RECORDED % "unified")) == [f"1.20.6-1 from {' '.join(origin)}"]


def test_where_no_source_has_the_version_any_more_the_record_of_the_last_run_decides() -> None:
    for recorded in (RECORDED, BESIDE % RECORDED):
        assert found(there(recorded=recorded % "unified")) == []
        assert found(there(recorded=recorded % "lts/2350")) == ["1.20.6-1 from lts/2350"]


@pytest.mark.parametrize("record_text", ["", "{,}", "[]", '{"vendor": "intel", "driver": null}'])
def test_without_a_record_a_package_of_no_source_is_somebody_elses(record_text: str) -> None:
    assert found(there(recorded=record_text)) == ["1.20.6-1 from no source in use"]


def test_every_package_of_an_intel_channel_has_its_origin_looked_at() -> None:
    packages = manifest_of(host(ARC_A770, kernel=HWE), HostSettings()).of(Package)
    by_origin = {each.name: each.origin.words for each in packages if each.origin}
    assert set(by_origin) == {"libze-intel-gpu1", "libze1", "intel-opencl-icd"}
    assert set(by_origin.values()) == {"https://repositories.intel.com/gpu/ubuntu jammy"}
