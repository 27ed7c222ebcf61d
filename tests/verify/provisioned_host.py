"""A host with the main job's record, as the checks ask it questions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import pytest
from testinfra.backend.base import CommandResult

from . import apt
from .lab import LabHost
from .record import Accelerator, Record
from .survey import PciFunction
from .vendor_packages import accelerator_stack, nvidia_user_space

NVIDIA, INTEL = "10de", "8086"
PCI = "/sys/bus/pci/devices"


class RenderNode(NamedTuple):
    """The device node that programs compute through."""

    path: str
    gid: int
    group: str
    mode: int


@dataclass(frozen=True)
class ProvisionedHost:
    """One host under verification. Its name is what it prints as."""

    lab_host: LabHost
    record: Record

    def __str__(self) -> str:
        return self.lab_host.name

    @property
    def user(self) -> str:
        """The user that pyinfra logs in as."""
        return self.lab_host.survey.user

    @property
    def nvidia_gpus(self) -> tuple[PciFunction, ...]:
        """NVIDIA GPUs on the PCI bus, but for those that a note of the record leaves out by their address."""
        gpus = self.lab_host.survey.accelerators_of(NVIDIA)
        return tuple(each for each in gpus if not any(each.address in note for note in self.record.notes))

    @property
    def intel_accelerators(self) -> tuple[Accelerator, ...]:
        """Intel accelerators of the record; the bus may also hold graphics that PyTorch cannot use."""
        return tuple(each for each in self.record.accelerators if each.pci_id.startswith(INTEL))

    def run(self, command: str, *args: str, as_root: bool = False) -> CommandResult:
        """The result of a command, whatever its exit status; `%s` in it are quoted arguments."""
        shell = self.lab_host.root_shell if as_root else self.lab_host.shell
        try:
            return shell.run(command, *args)
        except RuntimeError as error:  # ssh's own failures and commands that end with 255 look alike
            if isinstance(error.args[0], CommandResult):
                return error.args[0]
            raise

    def succeeds(self, command: str, *args: str, as_root: bool = False) -> bool:
        """Whether a command ends with exit status 0."""
        return bool(self.run(command, *args, as_root=as_root).rc == 0)

    def output(self, command: str, *args: str, as_root: bool = False) -> str:
        """What a command prints; it must succeed."""
        __tracebackhide__ = True
        result = self.run(command, *args, as_root=as_root)
        if result.rc != 0:
            shown = command % args if args else command
            reason = (result.stderr or result.stdout).strip()
            pytest.fail(f"{self}: `{shown}` ended with {result.rc}: {reason}")
        return str(result.stdout).strip()

    @cached_property
    def packages(self) -> Mapping[str, apt.Package]:
        """Packages on the host, half-installed ones included."""
        return apt.parse_packages(self.output(f"dpkg-query -W -f '{apt.DPKG_FORMAT}'"))

    @property
    def nvidia_user_space(self) -> dict[str, str]:
        """NVIDIA user-space driver packages with the driver version in them."""
        return {name: self.packages[name].upstream_version for name in nvidia_user_space(self.packages)}

    @cached_property
    def policies(self) -> Mapping[str, apt.Policy]:
        """apt's policy for every package of the accelerator stack that is on the host."""
        names = accelerator_stack(self.packages)
        return apt.parse_policies(
            self.output("LC_ALL=C apt-cache policy " + " ".join("%s" for _ in names), *names)
        )

    @cached_property
    def indexes(self) -> Mapping[str, apt.Index]:
        """Package indexes that apt is configured to use."""
        listing = self.output("apt-get indextargets --format %s %s", apt.INDEX_FORMAT, "Created-By: Packages")
        return apt.parse_indexes(listing)

    def publishers(self, package: str, version: str | None) -> set[str]:
        """Who offers a version of a package."""
        indexes = self.policies[package].indexes_of(version) if package in self.policies else []
        return {self.indexes[each].publisher if each in self.indexes else each for each in indexes}

    @cached_property
    def apt_config(self) -> str:
        """apt's effective configuration."""
        return self.output("apt-config dump")

    @cached_property
    def engine(self) -> Mapping[str, Any]:
        """What `docker info` reports."""
        report: dict[str, Any] = json.loads(self.output("docker info --format '{{json .}}'", as_root=True))
        return report

    @property
    def engine_has_cdi(self) -> bool:
        """Whether the engine takes CDI device names; engines before 25 do not."""
        return bool(self.engine.get("CDISpecDirs"))

    @cached_property
    def render_nodes(self) -> dict[str, RenderNode]:
        """The render node of every Intel accelerator that has one, by PCI address."""
        nodes = {}
        for accelerator in self.intel_accelerators:
            name = self.output(
                "cd %s 2>/dev/null && ls -d renderD* || true", f"{PCI}/{accelerator.address}/drm"
            )
            path = f"/dev/dri/{name}"
            if name and self.succeeds("test -c %s", path):
                gid, group, mode = self.output("stat -c '%%g %%G %%a' %s", path).split()
                nodes[accelerator.address] = RenderNode(path, int(gid), group, int(mode, 8))
        return nodes

    def kernel_driver(self, address: str) -> str:
        """The kernel driver bound to a PCI function, empty when there is none."""
        return self.output("readlink %s || true", f"{PCI}/{address}/driver").rpartition("/")[2]
