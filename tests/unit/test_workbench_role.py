"""From a host with a workbench in the inventory to its container, what differs, and the steps about it."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sample_hosts import ARC_A770, HWE, RTX_3090, desired_of, host, manifest_of, resolved, said
from tests.unit.sample_workbenches import CATALOG, WORKBENCH
from tests.unit.test_drift import BARE, found
from xpulab.converging.drift import drift
from xpulab.converging.steps import next_steps
from xpulab.desired.kinds.container import Container
from xpulab.desired.kinds.image import PulledImage
from xpulab.desired.kinds.package import Package
from xpulab.desired.manifest import Manifest
from xpulab.desired.state import Desired
from xpulab.desired.thing import Difference, Run, Runs
from xpulab.probing.observed import FoundContainer, FoundUnit, Observed
from xpulab.resolving.resolve import resolve
from xpulab.schema.refusal import Refusal
from xpulab.workbench.image import WorkbenchImage, image_of

ARC = host(ARC_A770, kernel=HWE)
BOTH = host(RTX_3090, ARC_A770, kernel=HWE)
DIGEST = f"sha256:{'a' * 64}"


def answer(
    observed: Observed, built: bool = True, prefer: str = "nvidia", **of_workbench: Any
) -> Desired | Refusal:
    """The desired state of a host whose image was built, or was not."""
    settings = said(workbench={**WORKBENCH, **of_workbench}, policy={"prefer": prefer})
    target = resolved(resolve(observed, settings, CATALOG))
    image = image_of(target, settings, CATALOG)
    assert isinstance(image, WorkbenchImage)
    if built:
        pinned = {image.reference: {"digest": DIGEST, "disk_gb": 1.4}}
        settings = said(**{**settings.model_dump(), "images": pinned})
    return desired_of(observed, settings)


def container(observed: Observed = ARC, **said: Any) -> Container:
    wanted = answer(observed, **said)
    assert isinstance(wanted, Desired), wanted
    (only,) = wanted.manifest.of(Container)
    return only


def settings_of(observed: Observed = ARC, **said: Any) -> dict[str, str]:
    text = container(observed, **said).files[0].content
    return dict(line.split("=", 1) for line in text.splitlines())


def refusal(observed: Observed, **said: Any) -> Refusal:
    refused = answer(observed, **said)
    assert isinstance(refused, Refusal), refused
    return refused


def test_the_container_comes_on_top_of_the_whole_main_job() -> None:
    wanted = answer(ARC)
    assert isinstance(wanted, Desired)
    manifest = wanted.manifest
    kinds = [type(each) for each in manifest.things]
    assert {Package, PulledImage} <= set(kinds) and kinds.count(Container) == 1


def test_it_runs_by_digest() -> None:
    assert settings_of()["image"].endswith(f"/xpulab-workbench@{DIGEST}")


def test_a_host_without_a_workbench_in_the_inventory_gets_none() -> None:
    assert manifest_of(ARC, said()).of(Container) == ()


def test_for_an_image_that_is_not_built_the_host_gets_all_else_and_is_told_what_builds_it() -> None:
    wanted = answer(ARC, built=False)
    assert isinstance(wanted, Desired)
    assert wanted.manifest.of(PulledImage) and not wanted.manifest.of(Container)
    assert ["deploys/workbench_images.py" in each.remedy for each in wanted.waiting] == [True]


def test_cuda_on_an_intel_host_is_refused_with_what_is_there() -> None:
    assert "this host has Intel Arc A770 Graphics" in refusal(ARC, device="cuda").reason


def test_a_device_that_the_image_was_not_made_for_is_refused_with_the_image_that_was() -> None:
    assert "workbench.image: unified" in refusal(BOTH, prefer="both", device="xpu").remedy
    assert settings_of(BOTH, prefer="both", device="xpu", image="unified")["device"] == "xpu"


def test_the_unified_image_is_given_the_cards_of_both_vendors_and_another_only_its_own() -> None:
    assert settings_of(BOTH, prefer="both", image="unified")["vendors"] == "'nvidia intel'"
    assert settings_of(BOTH, prefer="both")["vendors"] == "nvidia"


def good(wanted: Container) -> Observed:
    """A host on which that container is as it should be."""
    return replace(
        BARE,
        files={each.path: found(each.content, mode=each.mode) for each in wanted.files},
        units={wanted.unit: FoundUnit(True, "active", "enabled", 1.0)},
        containers={
            wanted.name: FoundContainer("running", "healthy", wanted.image.by_digest, wanted.configuration)
        },
    )


def differences(wanted: Container, observed: Observed) -> tuple[Difference, ...]:
    return drift(Manifest((wanted,)), observed)


def test_a_healthy_container_of_the_right_image_and_configuration_is_no_difference() -> None:
    wanted = container()
    assert differences(wanted, good(wanted)) == ()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"state": "exited", "health": ""}, "exited"),
        ({"health": "unhealthy"}, "unhealthy"),
        ({"health": "starting"}, "starting"),
        ({"image": "registry.lab.test/xpulab-workbench@sha256:0"}, "runs registry.lab.test"),
        ({"configuration": "0"}, "another configuration"),
    ],
)
def test_a_container_in_another_state_is_one_difference(change: dict[str, str], word: str) -> None:
    wanted = container()
    observed = good(wanted)
    changed = replace(observed.containers[wanted.name], **change)
    (only,) = differences(wanted, replace(observed, containers={wanted.name: changed}))
    assert only.kind == "container" and word in only.found


def test_a_container_that_is_gone_and_one_that_was_never_there_are_told_apart() -> None:
    wanted = container()
    gone = replace(good(wanted), containers={}, units={wanted.unit: FoundUnit(True, "inactive", "enabled")})
    assert [each.found for each in differences(wanted, gone)] == ["stopped"]
    assert [each.found for each in differences(wanted, BARE)] == ["not there"]


def test_a_changed_file_and_a_disabled_unit_differ() -> None:
    wanted = container()
    observed = good(wanted)
    tampered = {**observed.files, wanted.files[1].path: found("eve ssh-ed25519 AAAA\n")}
    disabled = {wanted.unit: FoundUnit(True, "active", "disabled", 1.0)}
    (only,) = differences(wanted, replace(observed, files=tampered, units=disabled))
    assert "users: other content" in only.found and "is disabled" in only.found


def test_it_is_checked_then_pulled_and_only_then_switched() -> None:
    taken = next_steps(differences(container(), BARE), 600)
    assert [step.what.split()[0] for step in taken if isinstance(step, Run)] == ["check", "pull", "switch"]
    assert not any("systemctl" in step.script for step in taken[:2] if isinstance(step, Run))


def test_every_script_is_shell_that_shellcheck_accepts(tmp_path: Path) -> None:
    wanted = container()
    (difference,) = differences(wanted, BARE)
    assert isinstance(difference.mend, Runs)
    for number, text in enumerate(run.script for run in difference.mend.runs):
        file = tmp_path / f"{number}.sh"
        file.write_text(f"#!/bin/sh\n{text}\n")
        checked = subprocess.run(["shellcheck", str(file)], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout
