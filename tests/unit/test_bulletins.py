"""Which of a vendor's bulletins are read, and what is made of those that are not as they should be."""

from __future__ import annotations

from datetime import date

import httpx
import pytest

from tests.unit.test_upstream_drivers import BULLETIN, CVE_INDEX
from tests.unit.test_upstreams import Down, Servers
from xpulab.catalog.claims import BulletinFolder
from xpulab.upstreams.bulletins import read_fixes
from xpulab.upstreams.web import Gone, Unreachable

FOLDER = BulletinFolder.model_validate(
    {
        "source": "https://vendor.test",
        "as_of": date(2026, 11, 27),
        "index": "https://vendor.test/{year}/index.csv",
        "document": "https://vendor.test/{year}/{bulletin}/{bulletin}.json",
    }
)
INDEX = httpx.Response(200, text=CVE_INDEX)
IN_2026 = {"https://vendor.test/2026/index.csv": INDEX}
DOCUMENT = "https://vendor.test/2026/5861/5861.json"
PRODUCTS = ("Tesla", "GeForce")


def versions(answers: dict[str, httpx.Response], today: date) -> list[str]:
    return [fix.version for fix in read_fixes(FOLDER, PRODUCTS, today, Servers(answers))]


def test_last_years_bulletins_still_count_when_this_year_has_none() -> None:
    answers = {**IN_2026, DOCUMENT: httpx.Response(200, json=BULLETIN)}
    assert versions(answers, date(2026, 11, 27)) == ["580.190.02", "580.199.99"]
    assert versions(answers, date(2027, 1, 2)) == ["580.190.02", "580.199.99"]


def test_only_bulletins_about_the_products_are_fetched() -> None:
    servers = Servers({**IN_2026, DOCUMENT: httpx.Response(200, json=BULLETIN)})
    read_fixes(FOLDER, PRODUCTS, date(2026, 11, 27), servers)
    assert servers.asked == [
        "https://vendor.test/2025/index.csv",
        "https://vendor.test/2026/index.csv",
        DOCUMENT,
    ]


def test_an_address_without_any_index_is_wrong() -> None:
    with pytest.raises(Gone, match=r"2026/index\.csv: HTTP 404"):
        versions({}, date(2026, 11, 27))


@pytest.mark.parametrize("document", [{}, [], {"vulnerabilities": 3}, {"vulnerabilities": []}])
def test_a_bulletin_of_another_make_is_named(document: object) -> None:
    answers = {**IN_2026, DOCUMENT: httpx.Response(200, json=document)}
    with pytest.raises(Unreachable, match=r"5861\.json: not CSAF"):
        versions(answers, date(2026, 11, 27))


def test_a_bulletin_that_is_no_json_is_named() -> None:
    with pytest.raises(Unreachable, match=r"5861\.json: not JSON"):
        versions({**IN_2026, DOCUMENT: httpx.Response(200, text="<html>")}, date(2026, 11, 27))


def test_a_server_that_is_down_is_no_index_that_is_gone() -> None:
    with pytest.raises(Unreachable):
        read_fixes(FOLDER, PRODUCTS, date(2026, 11, 27), Down({}))
