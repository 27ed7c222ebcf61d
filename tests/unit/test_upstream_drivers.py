"""What check-upstreams finds of a driver: floors below bulletins, branches behind the list of releases."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from xpulab.catalog.claims import Branch, Floor, Place
from xpulab.upstreams.bulletins import Fix, fixes_of, named
from xpulab.upstreams.editing import SetValue
from xpulab.upstreams.finding import Finding
from xpulab.upstreams.rules import driver_releases, security_floors
from xpulab.upstreams.web import Gone, Unreachable

DOWN = Unreachable("vendor.test: timed out")
GONE = Gone("https://vendor.test/x: HTTP 404")


def one(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


# Bulletins.

BULLETIN: dict[str, Any] = {
    "document": {"tracking": {"id": "5999"}},
    "product_tree": {
        "branches": [
            {
                "category": "vendor",
                "name": "NVIDIA",
                "branches": [
                    {
                        "category": "architecture",
                        "name": "Linux(R580)",
                        "branches": [
                            {
                                "category": "product_version",
                                "name": product,
                                "product": {"name": version, "product_id": f"{product}-{version}"},
                            }
                            for product, version in (
                                ("Tesla", "580.190.02"),
                                ("Tesla", "All driver versions prior to 580.190.02"),
                                ("Guest driver", "580.199.99"),
                                ("GeForce", "580.191.01"),
                            )
                        ],
                    }
                ],
            }
        ]
    },
    "vulnerabilities": [
        {
            "cve": "CVE-2026-99999",
            "product_status": {
                "fixed": ["Tesla-580.190.02", "Guest driver-580.199.99"],
                "known_affected": ["Tesla-All driver versions prior to 580.190.02"],
            },
        }
    ],
}
CVE_INDEX = """\
CVE;CVSS;Severity;Vector;CWE;Bulletin;Affected Product;Affected Version;Fixed In
CVE-2026-1;7.8;HIGH;CVSS:3.1/AV:L;CWE-416;5861;Tesla;All driver versions prior to 580.178.04;580.178.04
CVE-2026-1;7.8;HIGH;CVSS:3.1/AV:L;CWE-416;5861;GeForce;All driver versions prior to 580.178.04;580.178.04
CVE-2026-2;9.0;HIGH;CVSS:3.1/AV:A;CWE-787;5699;BlueField GA;All versions prior to 46.3008;46.3008
CVE-2026-3;9.0;HIGH;CVSS:3.1/AV:A;CWE-787;../../x;Tesla;All versions;1.0
"""
DRIVER = Place("nvidia/driver.yml", ("branches", "580", "security_floor"))


def floor(version: str | None) -> Floor:
    return Floor(DRIVER, version, ("Tesla", "GeForce"), "Linux(R580)")


def test_the_index_names_the_bulletins_about_a_product_by_number_alone() -> None:
    assert named(CVE_INDEX, ["Tesla", "GeForce"]) == ("5861",)


def test_a_bulletin_is_read_for_what_it_calls_fixed() -> None:
    assert list(fixes_of(BULLETIN)) == [
        Fix("5999", "Linux(R580)", "Tesla", "580.190.02"),
        Fix("5999", "Linux(R580)", "Guest driver", "580.199.99"),
    ]


@pytest.mark.parametrize("version", ["580.178.04", None])
def test_a_floor_below_a_bulletin_is_rotten_and_raised(version: str | None) -> None:
    found = one(list(security_floors.findings([floor(version)], list(fixes_of(BULLETIN)))))
    assert (found.state, found.name) == ("rotten", "nvidia/driver.yml: branches > 580 > security_floor")
    assert found.detail == f"bulletin 5999 calls 580.190.02 fixed, the catalog says {version or 'none'}"
    assert found.edits == (SetValue(DRIVER, "580.190.02", after="latest"),)


def test_a_floor_at_a_bulletin_is_sound_and_one_that_none_names_is_not_spoken_of() -> None:
    fixes = list(fixes_of(BULLETIN))
    assert one(list(security_floors.findings([floor("580.190.02")], fixes))).state == "sound"
    other = Floor(DRIVER, "1.19.1", ("NVIDIA Container Toolkit",), "Linux")
    assert list(security_floors.findings([other], fixes)) == []


def test_floors_are_unchecked_where_bulletins_cannot_be_read() -> None:
    assert one(list(security_floors.findings([floor("580.1")], DOWN))).state == "unchecked"
    assert one(list(security_floors.findings([floor("580.1")], GONE))).state == "rotten"


# A vendor's list of driver releases.


def branch(**changes: Any) -> Branch:
    about = {"kind": "LTS", "latest": "580.178.04", "supported": True, "end_of_life": date(2028, 6, 30)}
    return Branch(Place("nvidia/driver.yml", ("branches", "580")), "580", **{**about, **changes})


def releases(*versions: tuple[str, str], kind: str = "lts branch", name: str = "580") -> dict[str, Any]:
    listed = [
        {"release_version": version, "release_date": day, "architectures": ["x86_64", "aarch64"]}
        for version, day in versions
    ]
    return {name: {"type": kind, "driver_info": listed}}


CURRENT = releases(("580.178.04", "2026-09-30"), ("580.159.03", "2026-05-26"))


def about_releases(listed: Any, **changes: Any) -> list[Finding]:
    return list(driver_releases.findings([branch(**changes)], listed))


def test_a_branch_whose_newest_release_the_catalog_has_is_sound() -> None:
    assert one(about_releases(CURRENT)).state == "sound"


def test_a_newer_release_is_rotten_and_taken_over() -> None:
    found = one(about_releases(releases(("580.178.04", "2026-09-30"), ("580.190.02", "2026-12-08"))))
    assert found.detail == "is 580.178.04, the list has 580.190.02 of 2026-12-08"
    place = Place("nvidia/driver.yml", ("branches", "580", "latest"))
    assert (found.state, found.edits) == ("rotten", (SetValue(place, "580.190.02", after="end_of_life"),))


def test_releases_for_other_machines_do_not_count() -> None:
    arm = {"release_version": "580.199.01", "release_date": "", "architectures": ["aarch64"]}
    CURRENT_AND_ARM = {"580": {"type": "lts branch", "driver_info": [*CURRENT["580"]["driver_info"], arm]}}
    assert one(about_releases(CURRENT_AND_ARM)).state == "sound"


def test_a_branch_of_another_kind_is_rotten() -> None:
    kinds = {found.name: found for found in about_releases(CURRENT, kind="Production")}
    found = kinds["nvidia/driver.yml: branches > 580 > kind"]
    assert (found.state, found.detail) == ("rotten", "is Production, the list says lts branch")


def test_an_end_of_life_before_a_release_is_a_warning() -> None:
    ends = {
        each.name: each for each in about_releases(CURRENT, end_of_life=date(2026, 9, 1), supported=False)
    }
    found = ends["nvidia/driver.yml: branches > 580 > end_of_life"]
    assert found.state == "warning"
    assert found.detail.startswith("2026-09-01, but 580.178.04 was released 2026-09-30")


def test_a_branch_that_the_catalog_does_not_know_is_rotten_unless_it_is_older_than_all_in_use() -> None:
    newer = releases(("630.10.01", "2027-01-20"), kind="new feature branch", name="630")
    older = releases(("450.248.02", "2023-06-26"), name="450")
    found = [each for each in about_releases(CURRENT | newer | older) if each.state == "rotten"]
    words = "branch 630 (new feature branch, 630.10.01 of 2027-01-20) is not in the catalog"
    assert one(found).detail == words


def test_a_supported_branch_that_is_listed_no_more_is_a_warning() -> None:
    assert one(about_releases({})).state == "warning"
    assert about_releases({}, supported=False) == []


@pytest.mark.parametrize("listed", [DOWN, [], {"580": {}}, {"580": {"type": "lts branch", "driver_info": 3}}])
def test_a_list_that_is_not_there_or_of_another_make_leaves_branches_unchecked(listed: Any) -> None:
    assert one(about_releases(listed)).state == "unchecked"
