"""The packages of what the host is are there, whole, and fit each other."""

from __future__ import annotations

import re

from .provisioned_host import ProvisionedHost
from .vendor_packages import (
    ENGINES,
    TOOLKIT,
    TOOLKIT_MINIMUM,
    accelerator_stack,
    nvidia_modules,
)

RUN_AGAIN = "run the main job again"


def test_no_package_is_half_installed(provisioned_host: ProvisionedHost) -> None:
    audit = provisioned_host.output("dpkg --audit")
    assert not audit, f"{provisioned_host}: `dpkg --audit` complains, try `dpkg --configure -a`:\n{audit}"


def test_dependencies_are_met(provisioned_host: ProvisionedHost) -> None:
    provisioned_host.output("apt-get check -qq", as_root=True)


def test_no_hold_splits_the_nvidia_driver(provisioned_host: ProvisionedHost) -> None:
    user_space = list(provisioned_host.nvidia_user_space)
    held = [name for name in user_space if provisioned_host.packages[name].want == "hold"]
    assert held in ([], user_space), (
        f"{provisioned_host}: only {held} of {user_space} are on hold, "
        "the next upgrade will tear the driver apart; hold all of them or none (apt-mark)"
    )


def test_every_held_package_is_installed(provisioned_host: ProvisionedHost) -> None:
    broken = [
        name
        for name, package in provisioned_host.packages.items()
        if package.want == "hold" and package.status != "installed"
    ]
    assert not broken, (
        f"{provisioned_host}: on hold but not whole: {broken}; `apt-mark unhold` and reinstall them"
    )


def test_the_recorded_engine_and_no_other_is_installed(provisioned_host: ProvisionedHost) -> None:
    installed = [name for name in ENGINES if name in provisioned_host.packages]
    assert installed == [provisioned_host.record.engine], (
        f"{provisioned_host}: container engines installed: {installed}, "
        f"recorded: {provisioned_host.record.engine}; {RUN_AGAIN}"
    )


def test_upgrades_come_from_where_the_package_came_from(provisioned_host: ProvisionedHost) -> None:
    for name in accelerator_stack(provisioned_host.packages):
        policy = provisioned_host.policies[name]
        # A version that its repository no longer offers has no source left to compare with.
        now = provisioned_host.publishers(name, policy.installed)
        then = provisioned_host.publishers(name, policy.candidate)
        assert not now or now & then, (
            f"{provisioned_host}: {name} {policy.installed} came from {sorted(now)}, but the next upgrade "
            f"would take {policy.candidate} from {sorted(then)}; pin that source away, or {RUN_AGAIN}"
        )


def test_nvidia_user_space_is_of_the_recorded_branch(nvidia_host: ProvisionedHost) -> None:
    branch = nvidia_host.record.drivers["nvidia"].branch
    versions = nvidia_host.nvidia_user_space
    assert versions, f"{nvidia_host}: no NVIDIA user-space driver package is installed; {RUN_AGAIN}"
    others = {name: version for name, version in versions.items() if version.partition(".")[0] != branch}
    assert not others, f"{nvidia_host}: recorded branch is {branch}, but installed are {others}; {RUN_AGAIN}"


def test_nvidia_user_space_is_of_one_version(nvidia_host: ProvisionedHost) -> None:
    versions = nvidia_host.nvidia_user_space
    assert len(set(versions.values())) <= 1, (
        f"{nvidia_host}: user space of several versions: {versions}; {RUN_AGAIN}"
    )


def test_nvidia_module_packages_are_of_the_recorded_flavour(nvidia_host: ProvisionedHost) -> None:
    wanted_open = nvidia_host.record.drivers["nvidia"].modules == "open"
    packages = nvidia_modules(nvidia_host.packages)
    assert packages, f"{nvidia_host}: no package with NVIDIA kernel modules is installed; {RUN_AGAIN}"
    wrong = [name for name in packages if ("open" in name.split("-")) != wanted_open]
    assert not wrong, (
        f"{nvidia_host}: not of flavour {nvidia_host.record.drivers['nvidia'].modules}: {wrong}; {RUN_AGAIN}"
    )


def test_container_toolkit_packages_are_of_one_version(nvidia_host: ProvisionedHost) -> None:
    found = {
        name: nvidia_host.packages[name].version if name in nvidia_host.packages else None for name in TOOLKIT
    }
    assert None not in found.values(), f"{nvidia_host}: container toolkit incomplete: {found}; {RUN_AGAIN}"
    assert len(set(found.values())) == 1, (
        f"{nvidia_host}: container toolkit of several versions: {found}; {RUN_AGAIN}"
    )


def test_container_toolkit_is_safe(nvidia_host: ProvisionedHost) -> None:
    package = nvidia_host.packages.get(TOOLKIT[0])
    assert package, f"{nvidia_host}: {TOOLKIT[0]} is not installed; {RUN_AGAIN}"
    safe = nvidia_host.succeeds("dpkg --compare-versions %s ge %s", package.version, TOOLKIT_MINIMUM)
    assert safe, (
        f"{nvidia_host}: container toolkit {package.version} lets containers escape, "
        f"{TOOLKIT_MINIMUM} is the first safe one; {RUN_AGAIN}"
    )


def test_level_zero_driver_and_loader_are_installed(level_zero_host: ProvisionedHost) -> None:
    # Only the 2350 channel still has the names from before 2024.
    old_names = "2350" in level_zero_host.record.drivers["intel"].branch
    wanted = {"intel-level-zero-gpu", "level-zero"} if old_names else {"libze-intel-gpu1", "libze1"}
    missing = sorted((wanted | {"intel-opencl-icd", "clinfo"}) - set(level_zero_host.packages))
    assert not missing, f"{level_zero_host}: not installed: {missing}; {RUN_AGAIN}"


def test_only_one_level_zero_driver_is_installed(level_zero_host: ProvisionedHost) -> None:
    drivers = {"intel-level-zero-gpu", "libze-intel-gpu1"} & set(level_zero_host.packages)
    assert len(drivers) == 1, (
        f"{level_zero_host}: Level Zero drivers installed: {sorted(drivers)}; {RUN_AGAIN}"
    )


def test_data_center_gpu_has_module_and_firmware_packages(intel_dkms_host: ProvisionedHost) -> None:
    missing = sorted({"intel-i915-dkms", "intel-fw-gpu"} - set(intel_dkms_host.packages))
    assert not missing, f"{intel_dkms_host}: not installed: {missing}; {RUN_AGAIN}"


def test_oneapi_repository_and_runtime_come_together(intel_host: ProvisionedHost) -> None:
    repository = any("oneapi" in index.uri for index in intel_host.indexes.values())
    runtime = any(re.match(r"intel-oneapi-runtime-", name) for name in intel_host.packages)
    assert repository == runtime, (
        f"{intel_host}: oneAPI repository {'configured' if repository else 'not configured'}, "
        f"runtime {'installed' if runtime else 'not installed'}; {RUN_AGAIN}"
    )
