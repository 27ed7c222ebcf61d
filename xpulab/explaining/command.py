"""`xpulab explain`: the answer for a host that need not exist, or for this machine."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.console import Console

from xpulab.catalog import Catalog
from xpulab.desired.role import Role
from xpulab.explaining import explanation_page, from_snapshot, here, hypothetical
from xpulab.explaining.described import DEFAULT_SYSTEM, Description
from xpulab.explaining.explanation import Explanation, as_json, explain
from xpulab.explaining.policy_options import policy_of, with_policy
from xpulab.inventory.settings import HostSettings, Policy
from xpulab.probing.observed import Observed
from xpulab.resolving.accelerators import DISPLAY, PROCESSING
from xpulab.resolving.vendors import load_catalog
from xpulab.schema.refusal import Refusal

UNKNOWN_ID = 3  # exit status; 2 is wrong usage
Option = Optional[str]  # noqa: UP045 - typer reads annotations at run time, on Python 3.10 too


def add_to(app: typer.Typer, roles: tuple[Role, ...]) -> None:
    """Add the command to the command line, for these roles."""

    @app.command("explain")
    @with_policy
    def explain_command(
        ids: Annotated[
            Optional[list[str]],  # noqa: UP045
            typer.Argument(
                help="PCI ids such as 10de:2204: together, one host; none: a host without accelerator",
                show_default=False,
            ),
        ] = None,
        system: Annotated[
            Option, typer.Option("--os", help="such as debian-12", show_default=DEFAULT_SYSTEM)
        ] = None,
        kernel: Annotated[Option, typer.Option(help="uname -r; default: the system's own")] = None,
        secure_boot: Annotated[
            Optional[bool],  # noqa: UP045
            typer.Option("--secure-boot/--no-secure-boot", help="Secure Boot is on", show_default="off"),
        ] = None,
        here_: Annotated[
            bool,
            typer.Option(
                "--here", help="this machine; ids, --os, --kernel and --secure-boot change what it has"
            ),
        ] = False,
        policy: Annotated[
            Optional[list[str]],  # noqa: UP045
            typer.Option(
                metavar="KEY=VALUE", help="a key of the inventory's policy, see below; as often as needed"
            ),
        ] = None,
        snapshot: Annotated[
            Optional[Path],  # noqa: UP045
            typer.Option(metavar="FILE", help="a host whose snapshot a survey saved, and what differs there"),
        ] = None,
        lab: Annotated[
            Optional[Path],  # noqa: UP045
            typer.Option(metavar="FILE", help="beside --snapshot: the lab file whose own roles count, too"),
        ] = None,
        as_json_: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
        each: Annotated[
            bool, typer.Option("--each", help="each id is a host of its own; ids also from standard input")
        ] = False,
        **keys: str | None,
    ) -> None:
        """What a host with these PCI ids would get, and why. Exits 3 when an id is unknown."""
        settings = HostSettings(policy=policy_of(policy or (), keys))
        if lab and not snapshot:
            raise typer.BadParameter("--lab goes beside --snapshot alone")
        if snapshot:
            if ids or system or kernel or secure_boot is not None or here_ or each:
                raise typer.BadParameter(
                    "--snapshot is a host of its own: --lab, --json and policy go beside it"
                )
            raise typer.Exit(_of_snapshot(snapshot, lab, settings.policy, roles, as_json_))
        described = Description(system, kernel, secure_boot, _machine() if here_ else None)
        question = _Question(load_catalog(), roles, described, settings)
        if here_ and each and not ids:
            raise typer.BadParameter(
                "--each beside --here takes ids: each in turn in place of this machine's cards"
            )
        wanted = list(ids or ()) or (sys.stdin.read().split() if each else [])
        raise typer.Exit(question.each(wanted) if each else question.together(wanted, as_json_))


def _of_snapshot(
    file: Path, lab: Path | None, policy: Policy, roles: tuple[Role, ...], json_wanted: bool
) -> int:
    """Print the answer for the host of a snapshot; the exit status."""
    try:
        answer = from_snapshot.answer(file, lab, policy, load_catalog(), roles)
    except from_snapshot.UnreadableError as error:
        typer.echo(f"xpulab: {error}", err=True)
        return 1
    if json_wanted:
        print(json.dumps(answer.as_json(), ensure_ascii=False))
    else:
        answer.show(Console(highlight=False))
    return 0


def _machine() -> Observed:
    try:
        return here.machine()
    except here.HereError as error:
        typer.echo(f"xpulab: this machine cannot be described: {error}", err=True)
        raise typer.Exit(1) from error


@dataclass(frozen=True)
class _Question:
    """Everything that was asked, but for the ids."""

    catalog: Catalog
    roles: tuple[Role, ...]
    described: Description
    settings: HostSettings

    def together(self, ids: list[str], json_wanted: bool) -> int:
        """Print the answer for one host; the exit status."""
        if unknown := hypothetical.unknown(ids, self.catalog):
            return _report(unknown)
        observed = self.described.host(ids, self.catalog)
        explanation = explain(observed, self.settings, self.catalog, self.roles)
        if json_wanted:
            print(json.dumps(as_json(explanation), ensure_ascii=False))
        else:
            subject = self._subject(ids, observed)
            explanation_page.show(explanation, subject, observed, Console(highlight=False))
        return 0

    def each(self, ids: list[str]) -> int:
        """Print a JSON line per id, each a host of its own; the exit status."""
        unknown = hypothetical.unknown(ids, self.catalog)
        lines = {pci_id: self._line(pci_id, pci_id in unknown) for pci_id in dict.fromkeys(ids)}
        for pci_id in ids:
            print(lines[pci_id])
        return _report(unknown) if unknown else 0

    def _line(self, pci_id: str, unknown: bool) -> str:
        if unknown:
            explanation = Explanation(Refusal(f"{pci_id} is not in the catalog", REMEDY))
        else:
            observed = self.described.host([pci_id], self.catalog)
            explanation = explain(observed, self.settings, self.catalog, self.roles)
        return json.dumps({"pci_id": pci_id, **as_json(explanation)}, ensure_ascii=False)

    def _subject(self, ids: list[str], observed: Observed) -> str:
        """The host in words: what was asked for, or what this machine has."""
        found = [each.pci_id for each in observed.pci if each.pci_class[:2] in (DISPLAY, PROCESSING)]
        shown = " ".join(ids or found) or "no accelerator"
        return shown if ids or not self.described.machine else f"this machine: {shown}"


REMEDY = "correct the id (lspci -nn shows it), or add the device to xpulab/catalog with its source"


def _report(unknown: tuple[str, ...]) -> int:
    shown = [re.sub(r"[^\x20-\x7e]", "?", each)[:40] for each in dict.fromkeys(unknown)]
    more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
    print(f"xpulab: not in the catalog: {', '.join(shown[:5])}{more}; {REMEDY}", file=sys.stderr)
    return UNKNOWN_ID
