"""Which workbench image a host gets, and what its reference says."""

from __future__ import annotations

import re

import pytest

from tests.unit.sample_hosts import (
    ARC_A770,
    ARC_B580,
    BACKPORTS,
    FLEX_170,
    GTX_1080_TI,
    HWE,
    MAX_1100,
    RTX_3090,
    RTX_5090,
    debian,
    host,
    noble,
    resolute,
    resolved,
    trixie,
)
from tests.unit.sample_workbenches import CATALOG, answer, dockerfile, made, of_cpu
from xpulab.desired.role import Waiting
from xpulab.inventory.settings import HostSettings
from xpulab.probing.observed import Observed
from xpulab.resolving.resolve import resolve
from xpulab.schema.refusal import Refusal
from xpulab.workbench.image import built, image_of

ARC_22_04 = host(ARC_A770, kernel=HWE)


def test_the_reference_names_registry_family_pytorch_and_content() -> None:
    form = r"registry\.lab\.test/xpulab-workbench:cpu-torch2\.13\.0-[0-9a-f]{12}"
    assert re.fullmatch(form, of_cpu().reference)


def test_an_nvidia_host_gets_one_on_the_pytorch_image_that_the_resolver_chose() -> None:
    digest = f"sha256:{'a' * 64}"
    chosen = resolved(resolve(host(RTX_3090), HostSettings(), CATALOG)).image.reference
    image = made(host(RTX_3090), images={chosen: {"digest": digest}})
    assert (image.family, image.base) == ("cuda", chosen)
    assert f"\nFROM {chosen}@{digest}\n" in dockerfile(image)


@pytest.mark.parametrize(
    ("observed", "base", "suite"),
    [
        (ARC_22_04, "ubuntu:22.04", "jammy"),
        (noble(ARC_A770), "ubuntu:24.04", "noble"),
        (host(MAX_1100), "ubuntu:22.04", "jammy/lts/2523"),
        (noble(MAX_1100), "ubuntu:24.04", "noble/lts/2523"),
        (debian(ARC_A770, kernel=BACKPORTS), "ubuntu:24.04", "noble"),
        (resolute(ARC_A770), "ubuntu:24.04", "noble"),
        (trixie(ARC_A770), "ubuntu:24.04", "noble"),
    ],
)
def test_an_intel_image_has_level_zero_of_the_hosts_channel(
    observed: Observed, base: str, suite: str
) -> None:
    image = made(observed)
    assert (image.family, image.base, image.torch) == ("xpu", base, "2.13.0")
    assert f"Suites: {suite}\n" in image.context["intel.sources"].decode()
    assert "install --yes --no-install-recommends libze1 libze-intel-gpu1 intel-opencl-icd" in dockerfile(
        image
    )


def test_the_old_long_term_channel_has_the_old_names() -> None:
    image = made(host(MAX_1100), policy={"intel_channel": "lts/2350"})
    assert (
        "install --yes --no-install-recommends level-zero intel-level-zero-gpu intel-opencl-icd"
        in dockerfile(image)
    )


def test_every_image_with_level_zero_has_the_opencl_driver_that_onednn_asks_for() -> None:
    for channel, parts in CATALOG.workbench.level_zero.items():
        assert "intel-opencl-icd" in parts.packages, channel
    assert "intel-opencl-icd" in dockerfile(made(host(RTX_3090), image="unified"))


@pytest.mark.parametrize(
    ("observed", "torch"),
    [
        (host(MAX_1100), "2.8"),
        (host(MAX_1100), "2.8.0"),
        (host(MAX_1100), "2.6"),
        (ARC_22_04, "2.8"),
        (noble(ARC_B580), "2.8"),
    ],
)
def test_a_pytorch_up_to_2_8_comes_with_intels_archived_extension(observed: Observed, torch: str) -> None:
    image = made(observed, policy={"torch": torch})
    assert image.base.startswith("intel/intel-extension-for-pytorch:2.")
    assert "archived" in image.labels["org.xpulab.why"]
    assert "intel.sources" not in image.context


def test_a_gpu_that_pytorchs_own_builds_do_not_list_gets_the_extension_too() -> None:
    assert made(host(FLEX_170)).base == "intel/intel-extension-for-pytorch:2.6.10-xpu"


def test_the_unified_image_is_refused_where_pytorchs_own_builds_do_not_list_the_gpu() -> None:
    refusal = answer(host(FLEX_170), image="unified")
    assert isinstance(refusal, Refusal)
    assert "do not list Intel Data Center GPU Flex 170" in refusal.reason


def test_policy_chooses_the_release_and_never_a_newer_minor_version() -> None:
    assert of_cpu(policy={"torch": "2.11"}).torch == "2.11.0"
    assert of_cpu(policy={"torch": "2.12"}).torch == "2.11.0"
    assert of_cpu(policy={"torch": "2.14"}).torch == "2.13.0"


def test_a_release_that_no_build_is_near_to_is_refused_with_those_there_are() -> None:
    refusal = answer(ARC_22_04, policy={"torch": "2.11"}, image="unified")
    assert not isinstance(refusal, Refusal)
    refusal = answer(host(RTX_3090), policy={"torch": "2.9"}, image="unified")
    assert isinstance(refusal, Refusal)
    assert "2.9" in refusal.reason
    assert "2.13.0, 2.11.0" in refusal.remedy


def test_one_unified_image_serves_nvidia_arc_and_cpu_hosts() -> None:
    hosts = (host(RTX_3090), host(RTX_5090), ARC_22_04, noble(ARC_A770), host())
    assert len({made(each, image="unified").reference for each in hosts}) == 1


def test_the_unified_image_of_an_out_of_tree_module_has_the_level_zero_of_its_channel() -> None:
    image = made(host(MAX_1100), image="unified")
    assert "Suites: noble/lts/2523\n" in image.context["intel.sources"].decode()


def test_the_unified_image_of_an_old_gpu_has_a_cuda_with_code_for_it() -> None:
    assert "torch==2.13.0+cu126" in dockerfile(made(host(GTX_1080_TI), image="unified"))
    assert "torch==2.13.0+cu130" in dockerfile(made(host(RTX_3090), image="unified"))


def test_gpus_that_no_unified_build_suits_are_refused() -> None:
    old_driver = {"torch": "2.11", "nvidia_driver": "570", "nvidia_driver_end_of_life": "allow"}
    refusal = answer(host(RTX_5090), image="unified", policy=old_driver)
    assert isinstance(refusal, Refusal)
    assert "cu130, cu126" in refusal.reason
    assert refusal.remedy == "set workbench image: auto for this host"


def test_a_host_without_a_workbench_in_the_inventory_is_refused() -> None:
    settings = HostSettings()
    refusal = image_of(resolved(resolve(host(), settings, CATALOG)), settings, CATALOG)
    assert isinstance(refusal, Refusal)
    assert "workbench" in refusal.reason


def test_an_image_without_a_digest_is_not_built() -> None:
    refusal = built(of_cpu(), HostSettings())
    assert isinstance(refusal, Waiting)
    assert "deploys/workbench_images.py" in refusal.remedy


def test_a_built_image_is_pulled_by_the_digest_that_was_written_down() -> None:
    image, digest = of_cpu(), f"sha256:{'b' * 64}"
    settings = HostSettings.model_validate({"images": {image.reference: {"digest": digest, "disk_gb": 1.4}}})
    found = built(image, settings)
    assert not isinstance(found, Waiting)
    assert (found.reference, found.digest, found.disk_gb) == (image.reference, digest, 1.4)
