"""Reading a vendor's security bulletins: CSAF documents, found by their yearly index."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from xpulab.catalog.claims import BulletinFolder
from xpulab.upstreams.web import Gone, Unreachable, Web, content, json_at

VERSION = re.compile(r"\d+(\.\d+)+")


@dataclass(frozen=True)
class Fix:
    """A version that a bulletin calls fixed, of a product on a platform."""

    bulletin: str
    platform: str
    product: str
    version: str


def read_fixes(folder: BulletinFolder, products: Collection[str], today: date, web: Web) -> tuple[Fix, ...]:
    """What this and last year's bulletins about these products call fixed.

    Raises Unreachable, NotAsked, Gone. A year without a bulletin so far has no index; where neither year has
    one, the address is wrong.
    """
    fixes: list[Fix] = []
    years_read = 0
    for year in (today.year - 1, today.year):
        try:
            index = content(web, folder.index.format(year=year)).decode(errors="replace")
        except Gone as reason:
            missing = reason
            continue
        years_read += 1
        for bulletin in named(index, products):
            url = folder.document.format(year=year, bulletin=bulletin)
            try:
                fixes += fixes_of(json_at(web, url))
            except (KeyError, TypeError, AttributeError) as error:
                raise Unreachable(f"{url}: not CSAF as it is known here ({error!r})") from error
    if not years_read:
        raise missing
    return tuple(fixes)


def named(index: str, products: Collection[str]) -> tuple[str, ...]:
    """The bulletins about any of the products, by an index with a row for each CVE and product.

    Source: https://github.com/NVIDIA/product-security/blob/main/2026/CVE_index.csv, as of 2026-11-27.
    """
    rows = csv.DictReader(index.splitlines(), delimiter=";")
    found = (row["Bulletin"] for row in rows if row.get("Affected Product") in products)
    return tuple(sorted({each for each in found if each.isalnum()}))


def fixes_of(document: Any) -> Iterator[Fix]:
    """What one CSAF document calls fixed, by platform (`architecture`) and product.

    Source: https://github.com/NVIDIA/product-security/blob/main/2026/5861/5861.json, as of 2026-11-27.
    Raises KeyError, TypeError or AttributeError where the document is of another make.
    """
    fixed = {
        product
        for each in document["vulnerabilities"]
        for product in each.get("product_status", {}).get("fixed", ())
    }
    bulletin = document["document"]["tracking"]["id"]
    for platform, leaf in _leaves(document["product_tree"]["branches"], ""):
        product = leaf["product"]
        if product["product_id"] in fixed and VERSION.fullmatch(product["name"]):
            yield Fix(bulletin, platform, leaf["name"], product["name"])


def _leaves(branches: Sequence[Any], platform: str) -> Iterator[tuple[str, Any]]:
    for each in branches:
        within = each["name"] if each["category"] == "architecture" else platform
        if "product" in each:
            yield within, each
        yield from _leaves(each.get("branches", ()), within)
