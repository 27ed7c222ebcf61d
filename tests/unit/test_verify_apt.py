"""What tests/verify understands of dpkg's and apt's answers."""

from __future__ import annotations

import pytest

from tests.verify import vendor_packages
from tests.verify.apt import (
    Package,
    entries_without_key,
    parse_config_list,
    parse_indexes,
    parse_packages,
    parse_policies,
)

POLICY = """\
nvidia-utils-580-server:
  Installed: 580.159.03-0ubuntu0.22.04.1
  Candidate: 580.178.04-1ubuntu1
  Version table:
     580.178.04-1ubuntu1 600 (phased 20%)
        600 https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2204/x86_64  Packages
 *** 580.159.03-0ubuntu0.22.04.1 500
        500 http://archive.ubuntu.com/ubuntu jammy-updates/restricted amd64 Packages
        500 http://security.ubuntu.com/ubuntu jammy-security/restricted amd64 Packages
        100 /var/lib/dpkg/status
clinfo:
  Installed: (none)
  Candidate: 3.0.21.02.21-1
  Version table:
     3.0.21.02.21-1 500
        500 http://archive.ubuntu.com/ubuntu jammy/universe amd64 Packages
"""


def test_policies_tell_versions_priorities_and_sources_apart() -> None:
    policies = parse_policies(POLICY)
    driver = policies["nvidia-utils-580-server"]
    assert [(offer.version, offer.priority) for offer in driver.offers] == [
        ("580.178.04-1ubuntu1", 600),
        ("580.159.03-0ubuntu0.22.04.1", 500),
    ]
    assert driver.indexes_of(driver.candidate) == [
        "https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2204/x86_64 Packages"
    ]
    assert len(driver.indexes_of(driver.installed)) == 2
    assert policies["clinfo"].installed is None


def test_mirrors_of_the_distribution_are_one_publisher() -> None:
    listing = (
        "http://archive.ubuntu.com/ubuntu jammy/main amd64 Packages|Ubuntu|http://archive.ubuntu.com/ubuntu/|/etc/a:1\n"
        "http://mirror.lab/ubuntu jammy/main amd64 Packages|Ubuntu|http://mirror.lab/ubuntu/|/etc/b.sources:1\n"
        "https://r.example/deb  Packages||https://r.example/deb/|/etc/apt/sources.list.d/r.list:1\n"
    )
    indexes = parse_indexes(listing)
    assert {index.publisher for index in indexes.values()} == {"the Ubuntu archive", "https://r.example/deb/"}
    assert indexes["https://r.example/deb Packages"].configured_in == "/etc/apt/sources.list.d/r.list"


def test_packages_that_were_removed_do_not_count() -> None:
    packages = parse_packages(
        "a\t1-1\tinstall\tinstalled\nb\t2-1\tdeinstall\tconfig-files\nc\t3\thold\tunpacked\n"
    )
    assert packages == {"a": Package("1-1", "install", "installed"), "c": Package("3", "hold", "unpacked")}


@pytest.mark.parametrize(
    ("version", "upstream"),
    [("580.159.03-0ubuntu0.22.04.1", "580.159.03"), ("1:2.3-4-5", "2.3-4"), ("2.0", "2.0")],
)
def test_upstream_version(version: str, upstream: str) -> None:
    assert Package(version, "install", "installed").upstream_version == upstream


def test_lists_in_the_configuration() -> None:
    dump = 'A::List "";\nA::List:: "nvidia-";\nA::List:: "libnvidia-";\nB::List:: "other";\n'
    assert parse_config_list(dump, "A::List") == ["nvidia-", "libnvidia-"]


@pytest.mark.parametrize(
    ("path", "text", "bare"),
    [
        ("a.sources", "Types: deb\nURIs: https://a\nSigned-By: /k.asc\n", []),
        ("a.sources", "# Signed-By: /k.asc\nTypes: deb\nURIs: https://a\n", ["Types: deb"]),
        (
            "a.sources",
            "Types: deb\nURIs: https://a\nSigned-By: /k\n\nTypes: deb\nURIs: https://b\n",
            ["Types: deb"],
        ),
        ("a.sources", "Enabled: no\nTypes: deb\nURIs: https://a\n", []),
        ("a.list", "deb [arch=amd64 signed-by=/k.gpg] https://a x main\n# deb https://b x main\n", []),
        ("a.list", "deb https://a x main\n", ["deb https://a x main"]),
    ],
)
def test_entries_without_a_key_of_their_own(path: str, text: str, bare: list[str]) -> None:
    assert entries_without_key(path, text) == bare


def test_tools_with_versions_of_their_own_are_not_the_driver() -> None:
    names = [
        "nvidia-utils-580-server",
        "libnvidia-compute-580-server",
        "linux-modules-nvidia-580-server-open-generic",
        "nvidia-dkms-open",
        "cuda-drivers",
    ]
    others = [
        "nvidia-settings",
        "nvidia-prime",
        "nvidia-driver-pinning-580",
        "nvidia-cuda-toolkit",
        "linux-modules-5.15.0-161-generic",
        *vendor_packages.TOOLKIT,
    ]
    assert vendor_packages.nvidia_driver(names + others) == sorted(names)
