"""Each rule of check-upstreams finds what has rotted, and lets alone what has not."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from xpulab.catalog.claims import ChosenPackage, Firmware, Place
from xpulab.catalog.images import ImageRepository
from xpulab.catalog.systems import OperatingSystem
from xpulab.desired.kinds.apt_repository import AptRepository
from xpulab.resolving.vendors import load_catalog, written_catalog
from xpulab.upstreams.editing import Append, CopyLine, SetValue
from xpulab.upstreams.finding import Finding
from xpulab.upstreams.rules import (
    ages,
    firmware_files,
    kernel_series,
    newest_packages,
    newest_torch,
)
from xpulab.upstreams.web import Gone, NoAnswer, Unreachable

DOWN = Unreachable("vendor.test: timed out")
GONE = Gone("https://vendor.test/x: HTTP 404")
TODAY = date(2026, 11, 27)


def one(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


# The series behind a kernel's meta package.

HWE = next(each for each in load_catalog().operating_systems["ubuntu-24.04"].kernels if each.title == "HWE")
HWE_VERSION = f"{HWE.series}.0-31.31~24.04.1"


def kernel(
    version: str | NoAnswer, flavour: str = "generic-hwe-24.04", system: str = "ubuntu-24.04"
) -> Finding:
    """What is found of a meta package that is there in this version, and in an older one."""
    known: OperatingSystem = load_catalog().operating_systems[system]
    archive = (AptRepository("archive", "", (), "http://a.test", "noble"),)
    others = {"debian-backports": AptRepository("backports", "", (), "http://a.test", "bpo")}
    metas = kernel_series.meta_packages(system, known, archive, others)
    meta = next(each for each in metas if each.kernel.flavour == flavour and each.sources == archive)
    index = {meta.name: ["6.1.0-1", version]} if isinstance(version, str) else version
    return kernel_series.finding(meta, [index])


def hwe_line() -> Place:
    kernels = load_catalog().operating_systems["ubuntu-24.04"].kernels
    number = next(at for at, each in enumerate(kernels) if each.title == "HWE")
    return Place("operating_systems.yml", ("ubuntu-24.04", "kernels", number))


def test_a_meta_package_that_brings_the_catalogs_series_is_sound() -> None:
    assert kernel(HWE_VERSION) == Finding(
        "kernel series",
        f"{hwe_line() / 'series'} (linux-generic-hwe-24.04)",
        "sound",
        HWE_VERSION,
    )
    assert kernel("6.1.176-1", "amd64", "debian-12").state == "sound"


def test_a_meta_package_that_rolled_on_is_rotten_and_the_older_series_stays_known() -> None:
    found = kernel("99.3.0-4.4~24.04.1")
    assert found.state == "rotten"
    assert found.detail == f"it is 99.3.0-4.4~24.04.1 now, the catalog says {HWE.series}"
    line = hwe_line()
    assert found.edits == (
        CopyLine(line, {"series": "99.3"}),
        SetValue(line / "title", "earlier HWE"),
        SetValue(line / "superseded", "true"),
    )


def test_a_meta_package_that_is_gone_is_rotten_and_one_that_could_not_be_looked_for_is_not() -> None:
    assert kernel(GONE).detail == "linux-generic-hwe-24.04 is not in noble"
    assert kernel(GONE).state == "rotten"
    assert kernel(DOWN).state == "unchecked"


def test_kernels_that_were_rolled_over_are_asked_of_the_newer_one_alone() -> None:
    system = load_catalog().operating_systems["ubuntu-22.04"]
    metas = list(kernel_series.meta_packages("ubuntu-22.04", system, (), {}))
    assert len({meta.name for meta in metas}) == len(metas)


# The newest packages.

TOOLKIT = ChosenPackage(
    Place("nvidia/container_toolkit.yml", ("packages", "version")), "toolkit", "ctk", "1.20.1-1"
)


def test_a_newer_package_is_rotten_and_taken_over() -> None:
    assert newest_packages.finding(TOOLKIT, {"ctk": ["1.9.0-1", "1.20.1-1"]}).state == "sound"
    found = newest_packages.finding(TOOLKIT, {"ctk": ["1.20.1-1", "1.21.0-1", "1.9.0-1"]})
    assert (found.state, found.edits) == ("rotten", (SetValue(TOOLKIT.place, "1.21.0-1"),))
    older = ChosenPackage(TOOLKIT.place, "toolkit", "ctk", "1.9.0-1")
    assert newest_packages.finding(older, {"ctk": ["1.20.1-1"]}).state == "rotten"


def test_a_package_that_is_gone_is_rotten_and_one_that_could_not_be_looked_for_is_not() -> None:
    assert newest_packages.finding(TOOLKIT, {}).detail == "toolkit has no ctk"
    assert newest_packages.finding(TOOLKIT, DOWN).state == "unchecked"


# PyTorch.

IMAGES = ImageRepository.model_validate(
    {
        "source": "https://hub.test",
        "as_of": TODAY,
        "vendor": "nvidia",
        "disk_gb": 20,
        "tags": {
            "2.14.1-cuda13.2-cudnn9-runtime": {"torch": "2.14.1"},
            "2.13.0-cuda12.6-cudnn9-runtime": {"torch": "2.13.0"},
        },
    }
)
OLD_TAGS = (
    "latest",
    "2.14.1-cuda13.2-cudnn9-devel",
    "2.14.1-cuda13.0-cudnn9-runtime",
    "2.9.0-cuda12.6-cudnn9-runtime",
)


def test_tags_of_a_newer_release_are_rotten_and_other_kinds_of_tags_are_not() -> None:
    assert newest_torch.of_tags("pytorch/pytorch", IMAGES, OLD_TAGS).state == "sound"
    more = (
        *OLD_TAGS,
        "2.15.0-cuda13.2-cudnn9-runtime",
        "2.15.0-rc1-cuda13.2-cudnn9-runtime",
        "nightly-20261120",
    )
    found = newest_torch.of_tags("pytorch/pytorch", IMAGES, more)
    assert found.name == "images.yml: pytorch/pytorch > tags"
    assert found.detail == "newer than all of the catalog: 2.15.0-cuda13.2-cudnn9-runtime"
    assert found.state == "rotten"


def test_every_kind_of_tag_of_the_catalog_is_compared_with_its_own() -> None:
    tags_of_catalog = {
        "xpu-2.13.0-ubuntu24.04": {"torch": "2.13.0"},
        "cpu-2.11.0-ubuntu24.04": {"torch": "2.11.0"},
    }
    images = ImageRepository.model_validate({**IMAGES.model_dump(), "tags": tags_of_catalog})
    tags = ("xpu-2.13.0-ubuntu24.04", "cpu-2.13.0-ubuntu24.04", "xpu-2.12.0-ubuntu24.04")
    found = newest_torch.of_tags("intel/pytorch", images, tags)
    assert found.detail == "newer than all of the catalog: cpu-2.13.0-ubuntu24.04"


def test_a_release_without_an_image_is_a_warning() -> None:
    images = written_catalog().every_image
    answer = {"info": {"version": "2.99.0"}, "urls": [{"upload_time": "2026-10-28T15:16:30"}]}
    found = one(list(newest_torch.of_index(images, answer)))
    assert found.state == "warning"
    assert found.detail.startswith("2.99.0 is on the package index since 2026-10-28, the newest image")
    assert one(list(newest_torch.of_index(images, {"info": {"version": "2.14.1"}}))).state == "sound"


@pytest.mark.parametrize("answer", [DOWN, {}, {"info": {"version": "2.15.0rc1"}}])
def test_an_index_that_says_nothing_of_use_leaves_it_unchecked(answer: Any) -> None:
    assert one(list(newest_torch.of_index(written_catalog().every_image, answer))).state == "unchecked"


# Firmware.

FIRMWARE = Firmware(
    Place("intel/compute.yml", ("channels", "distribution", "packages")),
    "lib/firmware/i915/dg2_guc_70.bin",
    ("firmware-misc-nonfree", "firmware-intel-graphics"),
    "debian-backports",
    "debian-12",
    "bookworm-backports",
    "non-free-firmware",
)


def test_a_file_that_is_in_a_package_of_the_catalog_is_sound() -> None:
    assert firmware_files.finding(FIRMWARE, {FIRMWARE.path: ("firmware-intel-graphics",)}).state == "sound"


def test_a_file_that_moved_to_another_package_is_rotten_though_the_old_one_is_still_there() -> None:
    found = firmware_files.finding(FIRMWARE, {FIRMWARE.path: ("firmware-intel-gpu",)})
    assert (found.state, found.edits) == ("rotten", (Append(FIRMWARE.place, "firmware-intel-gpu"),))


def test_a_file_that_no_package_has_is_rotten() -> None:
    assert firmware_files.finding(FIRMWARE, {FIRMWARE.path: ()}).state == "rotten"
    assert firmware_files.finding(FIRMWARE, DOWN).state == "unchecked"


# Ages.


def test_an_entry_that_nobody_has_read_for_long_is_a_warning() -> None:
    files = {
        "docker.yml": {"docker.io": {"as_of": date(2026, 5, 31)}, "docker-ce": {"as_of": date(2026, 5, 30)}},
        "images.yml": {"a": {"as_of": TODAY, "tags": {}}},
    }
    found = {each.name: each for each in ages.findings(files, TODAY, 180)}
    assert set(found) == {"docker.yml: docker-ce", "images.yml"}
    assert found["docker.yml: docker-ce"].state == "warning"
    assert found["docker.yml: docker-ce"].detail == "as of 2026-05-30, 181 days ago: read its source again"
    assert found["images.yml"].state == "sound"
