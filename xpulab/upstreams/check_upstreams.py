"""`xpulab check-upstreams`: everything the catalog says of vendors' servers, checked against them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.console import Console

from xpulab.catalog import HERE, CatalogError, load_from
from xpulab.desired.lab import load_lab
from xpulab.desired.role import Role
from xpulab.inventory.labfile import LabError
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.vendors import VENDORS, today
from xpulab.schema import strict_yaml
from xpulab.upstreams.checks import Subject, check
from xpulab.upstreams.finding import Finding
from xpulab.upstreams.proposing import propose as proposal_of
from xpulab.upstreams.report import last_line, table
from xpulab.upstreams.web import Web

ROTTEN, UNCHECKED = 1, 3
HELP = (
    "Check keys, kernels, packages, drivers, firmware, images and dates against the vendors' servers.\n\n"
    "Exits 1 when a server contradicts the catalog (rotten); else 3 when a server could not be reached, so "
    "that something stayed unchecked; else 0, be it with warnings. What --only leaves out does not count."
)


def add_to(app: typer.Typer, roles: tuple[Role, ...]) -> None:
    """Add the command to the command line."""

    @app.command("check-upstreams", help=HELP)
    def command(
        systems: Annotated[
            Optional[list[str]],  # noqa: UP045 - typer reads annotations at run time, on Python 3.10 too
            typer.Option("--os", help="only for these systems, such as ubuntu-22.04"),
        ] = None,
        only: Annotated[
            Optional[str],  # noqa: UP045
            typer.Option(help="ask only these servers: deb.debian.org,pypi.org"),
        ] = None,
        propose: Annotated[
            bool,
            typer.Option(
                "--propose",
                help="print a patch that would mend the catalog, for git apply; all else goes to stderr",
            ),
        ] = False,
        catalog: Annotated[
            Path,
            typer.Option(
                help="folder of the catalog to check, such as a checkout's", show_default="xpulab's own"
            ),
        ] = HERE,
        lab: Annotated[
            Optional[Path],  # noqa: UP045
            typer.Option(help="a lab file whose mirrors, keys and digests take the catalog's place"),
        ] = None,
        connect_to: Annotated[
            Optional[str],  # noqa: UP045
            typer.Option(help="one address, or address:port, that answers under every vendor's name"),
        ] = None,
        certificate_authority: Annotated[
            Optional[Path],  # noqa: UP045
            typer.Option(help="trust this certificate authority instead of the system's"),
        ] = None,
    ) -> None:
        subject = _subject(catalog, systems or [], _settings_of(lab, roles), roles)
        servers = [each for each in (only or "").split(",") if each]
        with Web(connect_to, certificate_authority, servers) as web:
            findings = list(check(subject, web, today()))
        if mistaken := set(servers) - web.named:
            raise typer.BadParameter(
                f"nothing is asked of {mistaken.pop()}; servers are {', '.join(sorted(web.named))}"
            )
        _show(findings, on_errors=propose)
        if propose:
            _propose(findings, catalog)
        raise typer.Exit(status(findings))


def status(findings: Sequence[Finding]) -> int:
    """What the command exits with."""
    states = {finding.state for finding in findings}
    if "rotten" in states:
        return ROTTEN
    return UNCHECKED if "unchecked" in states else 0


def _subject(folder: Path, systems: list[str], settings: HostSettings, roles: tuple[Role, ...]) -> Subject:
    try:
        known = load_from(folder, {name: vendor.facts for name, vendor in VENDORS.items()}).on(today())
    except CatalogError as error:
        raise typer.BadParameter(str(error)) from error
    if unknown := set(systems) - set(known.operating_systems):
        raise typer.BadParameter(f"{unknown.pop()} is not one of {', '.join(known.operating_systems)}")
    files = {name: strict_yaml.parse(text) for name, text in texts(folder).items()}
    return Subject(known, files, systems or list(known.operating_systems), settings, roles)


def texts(folder: Path) -> dict[str, str]:
    """The files of a catalog, by their names in its folder."""
    files = sorted(folder.rglob("*.yml"))
    return {file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8") for file in files}


def _settings_of(lab: Path | None, roles: tuple[Role, ...]) -> HostSettings:
    if lab is None:
        return HostSettings()
    try:
        hosts = load_lab(lab, roles).hosts
    except LabError as error:
        raise typer.BadParameter(str(error)) from error
    data = hosts[0][1] if hosts else {}
    return HostSettings.model_validate({key: data[key] for key in ("repositories", "images") if key in data})


def _show(findings: Sequence[Finding], on_errors: bool) -> None:
    stream = sys.stderr if on_errors else sys.stdout
    console = Console(file=stream, highlight=False, width=None if stream.isatty() else 160)
    console.print(table(findings))
    console.print(last_line(findings))


def _propose(findings: Sequence[Finding], folder: Path) -> None:
    proposal = proposal_of(findings, texts(folder), today())
    sys.stdout.write(proposal.diff)
    for line in proposal.left:
        print(f"left to a person: {line}", file=sys.stderr)
