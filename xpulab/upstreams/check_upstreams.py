"""`xpulab check-upstreams`: everything the catalog says of vendors' servers, checked against them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from xpulab.catalog import Catalog
from xpulab.desired.kinds.apt_repository import AptRepository
from xpulab.desired.kinds.package import Package
from xpulab.desired.lab import load_lab
from xpulab.desired.manifest import Manifest
from xpulab.desired.role import Role
from xpulab.explaining import hypothetical
from xpulab.explaining.explanation import explain
from xpulab.inventory.labfile import LabError
from xpulab.inventory.settings import HostSettings, Policy
from xpulab.probing.observed import Observed
from xpulab.resolving.target import Image, Target
from xpulab.resolving.vendors import VENDORS, load_catalog
from xpulab.upstreams.findings import Finding, Wanted, check_image, check_key, check_packages
from xpulab.upstreams.web import Web

POLICIES = (Policy(), Policy(engine="docker-ce"))


def add_to(app: typer.Typer, roles: tuple[Role, ...]) -> None:
    """Add the command to the command line."""

    @app.command("check-upstreams")
    def command(
        systems: Annotated[
            Optional[list[str]],  # noqa: UP045 - typer reads annotations at run time, on Python 3.10 too
            typer.Option("--os", help="only for these systems, such as ubuntu-22.04"),
        ] = None,
        lab: Annotated[
            Optional[Path],  # noqa: UP045
            typer.Option(help="a lab file whose mirrors, keys and digests take the catalog's place"),
        ] = None,
        connect_to: Annotated[
            Optional[str],  # noqa: UP045
            typer.Option(help="one address that answers under every vendor's name, such as a testbed's"),
        ] = None,
        certificate_authority: Annotated[
            Optional[Path],  # noqa: UP045
            typer.Option(help="trust this certificate authority instead of the system's"),
        ] = None,
    ) -> None:
        """Check keys, packages and images against the vendors' servers. Exits 1 when something rotted."""
        known = load_catalog()
        if unknown := set(systems or ()) - set(known.operating_systems):
            raise typer.BadParameter(f"{unknown.pop()} is not one of {', '.join(known.operating_systems)}")
        settings = _settings_of(lab, roles)
        with Web(connect_to, certificate_authority) as web:
            findings = list(check(known, systems or list(known.operating_systems), settings, roles, web))
        _show(findings, Console(highlight=False, width=None if sys.stdout.isatty() else 160))
        raise typer.Exit(1 if any(finding.rotten for finding in findings) else 0)


def check(
    known: Catalog, systems: Sequence[str], settings: HostSettings, roles: tuple[Role, ...], web: Web
) -> Iterator[Finding]:
    """What was found about everything that any kind of host on these systems could be told to use."""
    repositories: dict[tuple[str, str], AptRepository] = {}
    images: dict[str, Image] = {}
    wanted: list[Wanted] = []
    for words, observed in _kinds_of_host(known, systems):
        for policy in POLICIES:
            explanation = explain(observed, settings.model_copy(update={"policy": policy}), known, roles)
            target = explanation.answer
            if not isinstance(target, Target):
                continue
            repositories |= {
                (each.name, each.key_url): each for each in explanation.manifest.of(AptRepository)
            }
            images[target.image.reference] = target.image
            manifest = _without_kernel_release(explanation.manifest, observed.kernel)
            wanted.append(Wanted(words, manifest, _archive(target.os, known)))
    for repository in repositories.values():
        yield check_key(repository, web, datetime.now(timezone.utc))
    yield from check_packages(wanted, web)
    for image in images.values():
        yield check_image(image, web)


def _kinds_of_host(known: Catalog, systems: Sequence[str]) -> Iterator[tuple[str, Observed]]:
    """One host per system, kernel and kind of card, and one without a card."""
    cards = {
        f"{kind.family} {kind.name}": [f"{known.pci_ids_of(vendor.name)[0]}:{kind.devices[0]}"]
        for vendor in VENDORS.values()
        for kind in vendor.kinds(known)
    }
    cards["no card"] = []
    for system in systems:
        title = known.operating_systems[system].title
        for kernel in known.operating_systems[system].kernels:
            if kernel.superseded:
                continue  # its packages are those of the series that its flavour has become
            for card, ids in cards.items():
                release = hypothetical.a_release_of(kernel)
                yield f"{card} on {title}", hypothetical.host(ids, system, release, False, known)


def _without_kernel_release(manifest: Manifest, kernel: str) -> Manifest:
    """The manifest without packages of one kernel release, as this release is made up."""
    packages = tuple(each for each in manifest.of(Package) if kernel not in each.name)
    return Manifest((*manifest.of(AptRepository), *packages))


def _archive(system: str, known: Catalog) -> tuple[AptRepository, ...]:
    archive = known.operating_systems[system].archive
    return tuple(
        AptRepository(system, "", (), archive.uri, suite, archive.components) for suite in archive.suites
    )


def _settings_of(lab: Path | None, roles: tuple[Role, ...]) -> HostSettings:
    if lab is None:
        return HostSettings()
    try:
        hosts = load_lab(lab, roles).hosts
    except LabError as error:
        raise typer.BadParameter(str(error)) from error
    data = hosts[0][1] if hosts else {}
    return HostSettings.model_validate({key: data[key] for key in ("repositories", "images") if key in data})


def _show(findings: Sequence[Finding], console: Console) -> None:
    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    for column in ("what", "name", "state", "found"):
        table.add_column(column, overflow="fold")
    for each in sorted(findings, key=lambda finding: (not finding.rotten, finding.kind, finding.name)):
        state = Text("rotten", style="red") if each.rotten else Text("sound", style="green")
        table.add_row(each.kind, each.name, state, each.detail)
    console.print(table)
    rotten = sum(each.rotten for each in findings)
    console.print(f"xpulab: checked={len(findings)} sound={len(findings) - rotten} rotten={rotten}")
