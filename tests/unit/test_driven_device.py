"""A converged host's accelerators are driven, and the driver's module is that of its packages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.sample_hosts import ARC_A770, HWE, RTX_3090, function, host
from xpulab.converging.drift import drift
from xpulab.desired.kinds.driven_device import DrivenDevice
from xpulab.desired.kinds.foreign_installation import ForeignInstallation
from xpulab.desired.kinds.kernel import LoadedModule
from xpulab.desired.manifest import Manifest
from xpulab.desired.thing import Boot, Difference, InApt, Shell, Thing
from xpulab.probing.observed import FoundFile, InstalledPackage, KernelModule, Observed

EXTRA = f"linux-modules-extra-{HWE}"
ARC = DrivenDevice("0000:01:00.0", "Intel Arc A770", ("i915", "xe"), True, loads=True, provided_by=(EXTRA,))
RTX = DrivenDevice("0000:01:00.0", "NVIDIA RTX 3090", ("nvidia",))
UTILS = "nvidia-utils-580-server"
NVIDIA = LoadedModule("nvidia", provided_by=("linux-modules-nvidia",), version_of=UTILS)


def with_arc(modules: dict[str, KernelModule] | None = None, **facts: Any) -> Observed:
    packages = facts.pop("packages", {})
    card = replace(function(ARC_A770), **facts)
    return host(pci=(card,), kernel=HWE, modules=modules or {}, packages=packages)


def on_disk(name: str, loaded: bool = False, build: str = "A") -> KernelModule:
    return KernelModule(name, loaded, None, build if loaded else None, None, "A", "GPL")


def differences(thing: Thing, observed: Observed) -> tuple[Difference, ...]:
    return drift(Manifest((thing,)), observed)


def only(thing: Thing, observed: Observed) -> Difference:
    (difference,) = differences(thing, observed)
    return difference


@pytest.mark.parametrize("driver", ["i915", "xe"])
def test_a_card_with_its_driver_and_render_node_is_fine(driver: str) -> None:
    assert differences(ARC, with_arc({driver: on_disk(driver)}, driver=driver, render_node=True)) == ()


def test_a_driver_that_the_next_boot_would_not_find_is_brought_back() -> None:
    difference = only(ARC, with_arc(driver="i915", render_node=True))
    assert difference.mend == InApt(EXTRA) and difference.found == "the next boot finds no i915"


def test_a_card_whose_module_is_on_disk_and_not_loaded_gets_it_loaded() -> None:
    difference = only(ARC, with_arc({"i915": on_disk("i915")}))
    assert difference.found == "no driver"
    assert isinstance(difference.mend, Shell) and difference.mend.lines == ("modprobe i915",)


def test_a_kernel_without_the_module_gets_the_package_that_has_it() -> None:
    difference = only(ARC, with_arc())
    assert difference.mend == InApt(EXTRA) and f"{HWE} has none on disk" in difference.found


def test_where_that_package_does_not_help_the_run_ends_with_words() -> None:
    difference = only(ARC, with_arc(packages={EXTRA: InstalledPackage("1")}))
    assert isinstance(difference.mend, Shell) and "exit 1" in difference.mend.lines


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({}, "no driver, though i915 is loaded"),
        ({"driver": "radeon"}, "held by radeon"),
        ({"driver": "i915"}, "driver i915 gives it no render node"),
    ],
    ids=["the module does not take it", "another driver has it", "no node for programs"],
)
def test_a_loaded_module_that_does_not_serve_the_card_ends_the_run_with_the_kernels_words(
    facts: dict[str, Any], found: str
) -> None:
    difference = only(ARC, with_arc({"i915": on_disk("i915", loaded=True)}, **facts))
    assert difference.found == found
    assert isinstance(difference.mend, Shell)
    assert "force_probe" in " ".join(difference.mend.lines) and difference.mend.lines[-1] == "exit 1"


def test_an_old_module_of_another_build_that_does_not_take_the_card_needs_a_boot() -> None:
    difference = only(ARC, with_arc({"i915": on_disk("i915", loaded=True, build="DKMS")}))
    assert difference.mend == Boot()


def test_a_module_that_another_thing_loads_is_left_to_it() -> None:
    assert differences(RTX, host(RTX_3090)) == ()
    held = replace(function(RTX_3090), driver="nouveau")
    assert only(RTX, host(pci=(held,))).found == "held by nouveau"
    unbound = host(RTX_3090, modules={"nvidia": on_disk("nvidia", loaded=True)})
    assert only(RTX, unbound).found == "no driver, though nvidia is loaded"


def with_nvidia(module: str, package: str) -> Observed:
    loaded = KernelModule("nvidia", True, module, "A", module, "A", "NVIDIA")
    packages = {UTILS: InstalledPackage(package), "linux-modules-nvidia": InstalledPackage("6.8")}
    return host(RTX_3090, modules={"nvidia": loaded}, packages=packages)


def test_a_module_that_no_package_brought_is_told_by_its_version() -> None:
    assert differences(NVIDIA, with_nvidia("580.178.04", "580.178.04-0ubuntu0.22.04.1")) == ()
    difference = only(NVIDIA, with_nvidia("570.86.10", "580.178.04-0ubuntu0.22.04.1"))
    assert difference.found == "570.86.10 on disk" and "580.178.04" in difference.wanted
    assert isinstance(difference.mend, Shell) and "dpkg -S" in " ".join(difference.mend.lines)


def test_a_host_with_a_driver_of_nvidias_own_installer_is_refused_with_what_removes_it() -> None:
    thing = ForeignInstallation("/usr/bin/nvidia-uninstall", "a .run file was here", "run nvidia-uninstall")
    assert thing.unusable(host(RTX_3090)) is None
    file = FoundFile("0" * 64, "0755", "root:root", 0, 1)
    refusal = thing.unusable(host(RTX_3090, files={thing.path: file}))
    assert refusal and refusal.remedy == "run nvidia-uninstall"
