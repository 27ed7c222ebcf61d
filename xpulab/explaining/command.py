"""The command `xpulab`: answers that need no host.

Nothing in xpulab imports roles: `build` is handed what makes a manifest of a target, as a deploy hands it to
converge; the entry point is in roles/command.py.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from typing import Annotated, Any, Optional

import typer
from pydantic import ValidationError
from rich.console import Console

from xpulab.catalog import Catalog
from xpulab.desired.role import Desired
from xpulab.explaining import explanation_page, hypothetical
from xpulab.explaining.explanation import Explanation, as_json, explain
from xpulab.inventory.settings import HostSettings, Policy, explain_errors
from xpulab.probing.observed import Observed
from xpulab.releasing import release
from xpulab.resolving.target import Refusal
from xpulab.resolving.vendors import load_catalog
from xpulab.upstreams import check_upstreams

UNKNOWN_ID = 3  # exit status; 2 is wrong usage
Option = Optional[str]  # noqa: UP045 - typer reads annotations at run time, on Python 3.10 too


def build(desired: Desired) -> typer.Typer:
    """The command line, over a function from a target to its manifest."""
    app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

    @app.callback()
    def xpulab() -> None:
        """The right driver, kernel, packages and PyTorch image for each card."""

    @app.command("explain")
    def explain_command(
        ids: Annotated[
            Optional[list[str]],  # noqa: UP045
            typer.Argument(help="PCI ids such as 10de:2204: together, one host", show_default=False),
        ] = None,
        system: Annotated[
            str, typer.Option("--os", help="such as ubuntu-24.04 or debian-12")
        ] = "ubuntu-22.04",
        kernel: Annotated[Option, typer.Option(help="uname -r; default: the system's own")] = None,
        secure_boot: Annotated[bool, typer.Option("--secure-boot", help="Secure Boot is on")] = False,
        nvidia_driver: Annotated[Option, typer.Option(help="driver branch, such as 595")] = None,
        nvidia_source: Annotated[Option, typer.Option(help="archive or cuda")] = None,
        nvidia_driver_end_of_life: Annotated[Option, typer.Option(help="refuse or allow")] = None,
        machine_owner_key: Annotated[Option, typer.Option(help="none or enrolled")] = None,
        intel_channel: Annotated[Option, typer.Option(help="such as lts/2350")] = None,
        prefer: Annotated[Option, typer.Option(help="nvidia, intel or both")] = None,
        torch: Annotated[Option, typer.Option(help="PyTorch version, such as 2.9")] = None,
        engine: Annotated[Option, typer.Option(help="docker.io or docker-ce")] = None,
        unsupported: Annotated[Option, typer.Option(help="refuse or cpu")] = None,
        as_json_: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
        each: Annotated[
            bool, typer.Option("--each", help="each id is a host of its own; ids also from standard input")
        ] = False,
    ) -> None:
        """What a host with these PCI ids would get, and why. Exits 3 when an id is unknown."""
        policy = {
            "nvidia_driver": nvidia_driver,
            "nvidia_source": nvidia_source,
            "nvidia_driver_end_of_life": nvidia_driver_end_of_life,
            "machine_owner_key": machine_owner_key,
            "intel_channel": intel_channel,
            "prefer": prefer,
            "torch": torch,
            "engine": engine,
            "unsupported": unsupported,
        }
        question = _Question(load_catalog(), desired, system, kernel, secure_boot, _settings(policy))
        wanted = list(ids or ()) or (sys.stdin.read().split() if each else [])
        if not wanted:
            raise typer.BadParameter("name at least one PCI id")
        raise typer.Exit(question.each(wanted) if each else question.together(wanted, as_json_))

    check_upstreams.add_to(app, desired)
    release.add_to(app)
    return app


def _settings(policy: dict[str, Any]) -> HostSettings:
    try:
        said = {key: value for key, value in policy.items() if value is not None}
        return HostSettings(policy=Policy.model_validate(said))
    except ValidationError as error:
        raise typer.BadParameter("; ".join(explain_errors(error, "policy"))) from error


@dataclass(frozen=True)
class _Question:
    """Everything that was asked, but for the ids."""

    catalog: Catalog
    desired: Desired
    system: str
    kernel: str | None
    secure_boot: bool
    settings: HostSettings

    def together(self, ids: list[str], json_wanted: bool) -> int:
        """Print the answer for one host; the exit status."""
        if unknown := hypothetical.unknown(ids, self.catalog):
            return _report(unknown)
        observed = self._host(ids)
        explanation = explain(observed, self.settings, self.catalog, self.desired)
        if json_wanted:
            print(json.dumps(as_json(explanation), ensure_ascii=False))
        else:
            explanation_page.show(explanation, observed, Console(highlight=False))
        return 0

    def each(self, ids: list[str]) -> int:
        """Print a JSON line per id, each a host of its own; the exit status."""
        unknown = hypothetical.unknown(ids, self.catalog)
        lines = {pci_id: self._line(pci_id, pci_id in unknown) for pci_id in dict.fromkeys(ids)}
        print("\n".join(lines[pci_id] for pci_id in ids))
        return _report(unknown) if unknown else 0

    def _line(self, pci_id: str, unknown: bool) -> str:
        if unknown:
            explanation = Explanation(Refusal(f"{pci_id} is not in the catalog", REMEDY))
        else:
            explanation = explain(self._host([pci_id]), self.settings, self.catalog, self.desired)
        return json.dumps({"pci_id": pci_id, **as_json(explanation)}, ensure_ascii=False)

    def _host(self, ids: list[str]) -> Observed:
        return hypothetical.host(ids, self.system, self.kernel, self.secure_boot, self.catalog)


REMEDY = "correct the id (lspci -nn shows it), or add the device to xpulab/catalog with its source"


def _report(unknown: tuple[str, ...]) -> int:
    shown = [re.sub(r"[^\x20-\x7e]", "?", each)[:40] for each in dict.fromkeys(unknown)]
    more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
    print(f"xpulab: not in the catalog: {', '.join(shown[:5])}{more}; {REMEDY}", file=sys.stderr)
    return UNKNOWN_ID
