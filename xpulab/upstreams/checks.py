"""The checks of a catalog: what each rule needs is fetched, and the rule judges it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timezone
from typing import Any

from xpulab.catalog import Catalog
from xpulab.catalog.claims import Claims
from xpulab.desired.kinds.apt_repository import AptRepository
from xpulab.desired.repositories import repository_for
from xpulab.desired.role import Role
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.target import Image
from xpulab.upstreams.apt_indexes import Indexes, read_owners
from xpulab.upstreams.bulletins import read_fixes
from xpulab.upstreams.finding import Finding, fetched
from xpulab.upstreams.hosts import needs_of
from xpulab.upstreams.registries import digest_of, tags_of
from xpulab.upstreams.rules import (
    ages,
    apt_keys,
    driver_releases,
    firmware_files,
    image_digests,
    kernel_series,
    newest_packages,
    newest_torch,
    packages,
    security_floors,
)
from xpulab.upstreams.web import Web, content, json_at


@dataclass(frozen=True)
class Subject:
    """What is checked: a catalog with its files as YAML gives them, for these systems, as a lab sees them."""

    catalog: Catalog
    files: Mapping[str, Any]
    systems: Sequence[str]
    settings: HostSettings
    roles: tuple[Role, ...]

    def repository(self, name: str, system: str, channel: str = "") -> AptRepository:
        """A repository of the catalog for a system, with what the lab sets differently."""
        return repository_for(system, name, self.settings, self.catalog, channel=channel)

    def archive(self, system: str) -> tuple[AptRepository, ...]:
        """The suites of a system's own archive."""
        of = self.catalog.operating_systems[system].archive
        return tuple(AptRepository(system, "", (), of.uri, suite, of.components) for suite in of.suites)


def check(subject: Subject, web: Web, today: date) -> Iterator[Finding]:
    """Everything that any kind of host on these systems could be told to use, and what the rest claims."""
    indexes = Indexes(web)
    claims = [facts.claims() for facts in subject.catalog.facts.values()]
    yield from ages.findings(subject.files, today, subject.catalog.upstreams.ages.days)
    yield from _hosts(subject, indexes, web)
    yield from _kernels(subject, indexes)
    for each in claims:
        yield from _drivers(each, today, web)
        yield from _packages(each, subject, indexes)
        yield from _firmware(each, subject, web)
    yield from _torch(subject.catalog, web)


def _hosts(subject: Subject, indexes: Indexes, web: Web) -> Iterator[Finding]:
    needs = needs_of(subject.catalog, subject.systems, subject.settings, subject.roles, subject.archive)
    now, days = datetime.now(timezone.utc), subject.catalog.upstreams.keys.days
    for repository in needs.repositories:
        key = fetched(content, web, repository.key_url)
        yield apt_keys.finding(repository, key, now, days)
    sources = dict.fromkeys(source for wanted in needs.wanted for source in wanted.sources)
    yield from packages.findings(needs.wanted, {source: indexes.of(source) for source in sources})
    for image in needs.images:
        yield _image(image, web)


def _image(image: Image, web: Web) -> Finding:
    registry, path = image.registry_and_path
    references = filter(None, (image.tag, image.digest))
    digests = {each: fetched(digest_of, registry, path, each, web) for each in references}
    return image_digests.finding(image, digests)


def _kernels(subject: Subject, indexes: Indexes) -> Iterator[Finding]:
    for key in subject.systems:
        system = subject.catalog.operating_systems[key]
        named = {kernel.repository for kernel in system.kernels if kernel.repository}
        others = {name: subject.repository(name, key) for name in sorted(named)}
        for meta in kernel_series.meta_packages(key, system, subject.archive(key), others):
            yield kernel_series.finding(meta, [indexes.of(source) for source in meta.sources])


def _drivers(claims: Claims, today: date, web: Web) -> Iterator[Finding]:
    if folder := claims.bulletins:
        products = {product for floor in claims.floors for product in floor.products}
        fixes = fetched(read_fixes, folder, products, today, web)
        yield from security_floors.findings(claims.floors, fixes)
    if listing := claims.releases:
        releases = fetched(json_at, web, listing.url)
        yield from driver_releases.findings(claims.branches, releases)


def _packages(claims: Claims, subject: Subject, indexes: Indexes) -> Iterator[Finding]:
    for chosen in claims.packages:
        repository = subject.repository(chosen.repository, subject.systems[0])
        yield newest_packages.finding(chosen, indexes.of(repository))


def _firmware(claims: Claims, subject: Subject, web: Web) -> Iterator[Finding]:
    for firmware in claims.firmware:
        if firmware.system not in subject.systems:
            continue
        found = subject.repository(firmware.repository, firmware.system, firmware.suite)
        repository = replace(found, suite=firmware.suite)
        owners = fetched(read_owners, repository, firmware.component, (firmware.path,), web)
        yield firmware_files.finding(firmware, owners)


def _torch(catalog: Catalog, web: Web) -> Iterator[Finding]:
    for name, images in catalog.images.items():
        registry, path = Image(f"{name}:", None, images.disk_gb).registry_and_path
        tags = fetched(tags_of, registry, path, web)
        yield newest_torch.of_tags(name, images, tags)
    answer = fetched(json_at, web, catalog.upstreams.torch.url)
    yield from newest_torch.of_index(catalog.every_image, answer)
