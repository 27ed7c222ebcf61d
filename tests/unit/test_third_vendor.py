"""A made-up vendor: one file of facts, one classifier and plan registered once, one role."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pages.matrix import matrix
from tests.unit.sample_hosts import ARC_A770, GA, HWE, RTX_3090, host, resolved, said, settings
from xpulab.catalog import HERE, Catalog, CatalogError, load_from
from xpulab.catalog.entry import DeviceId, Entry
from xpulab.catalog.facts import VendorFacts
from xpulab.desired.kinds.file import File
from xpulab.desired.kinds.image import PulledImage
from xpulab.desired.kinds.package import Package
from xpulab.desired.manifest import Manifest
from xpulab.desired.record import PATH as RECORD
from xpulab.desired.role import Role
from xpulab.desired.state import Desired, desired
from xpulab.explaining import hypothetical
from xpulab.inventory.settings import HostSettings, Policy
from xpulab.probing.observed import Observed, PciFunction
from xpulab.resolving import images
from xpulab.resolving.devices import Found
from xpulab.resolving.plan import Plan
from xpulab.resolving.reason import Reason
from xpulab.resolving.resolve import resolve
from xpulab.resolving.target import Accelerator, Beside, Driver, Target
from xpulab.resolving.vendor import DriverWords, Kind, Vendor
from xpulab.resolving.vendors import VENDORS
from xpulab.roles import BUILT_IN
from xpulab.schema.refusal import Refusal
from xpulab.workbench.recipe import recipe_for
from xpulab.workbench.settings import Workbench

ACME_ONE, ACME_UNKNOWN = "1acc:0001", "1acc:ffff"
SOURCE = 'source: "https://acme.example/docs", as_of: 2026-11-01'
FACTS = f"""\
devices: {{"0001": One, "0002": Two}}
driver: {{{SOURCE}, branch: "7", packages: [acme-dkms, acme-smi]}}
"""
PCI_VENDOR = f'"1acc": {{title: Acme, use: acme, {SOURCE}}}\n'
IMAGES = f"""\
acme/pytorch:
  {{{SOURCE}, vendor: acme, disk_gb: 9,
    tags: {{2.13.0-acme: {{torch: 2.13.0}}, 2.12.0-acme: {{torch: 2.12.0}}}}}}
"""


class AcmeDriver(Entry):
    branch: str
    packages: tuple[str, ...]


class AcmeFacts(VendorFacts):
    devices: dict[DeviceId, str]
    driver: AcmeDriver


def classify(function: PciFunction, catalog: Catalog) -> Found:
    name = catalog.of(AcmeFacts).devices.get(function.device)
    return Accelerator(function.address, function.pci_id, f"Acme {name}", "acme-1") if name else None


def plan(
    accelerators: Sequence[Accelerator], observed: Observed, policy: Policy, catalog: Catalog
) -> Plan | Refusal:
    chosen = images.newest(catalog.images_of("acme"), policy.torch)
    if isinstance(chosen, Refusal):
        return chosen
    driver = catalog.of(AcmeFacts).driver
    why = Reason("driver branch", driver.branch, "Acme has only one", driver)
    return Plan(
        "acme",
        tuple(accelerators),
        Driver(driver.branch, "dkms"),
        "generic",
        chosen.image,
        chosen.notes,
        any_kernel=True,
        about_driver=(why,),
        about_image=(images.reason(chosen.image, policy.torch, "serve Acme cards", catalog),),
    )


def kinds(catalog: Catalog) -> Iterator[Kind]:
    return (Kind("Acme cards", name, (device,)) for device, name in catalog.of(AcmeFacts).devices.items())


def wanted(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    return Manifest(tuple(Package(name) for name in catalog.of(AcmeFacts).driver.packages))


ROLE = Role("acme-driver", wanted, applies=lambda target, *_: "acme" in target.vendors)


def manifest_of(target: Target, catalog: Catalog) -> Manifest:
    state = desired((*BUILT_IN, ROLE), target, settings(), catalog)
    assert isinstance(state, Desired), state
    return state.manifest


ACME = Vendor(
    name="acme",
    facts=AcmeFacts,
    device_table="acme.yml",
    torch_device="acme",
    classify=classify,
    plan=plan,
    kinds=kinds,
    describe_driver=lambda target, catalog: DriverWords(target.driver_of("acme").branch, "dkms", "archive"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The catalog's files with those of the vendor among them."""
    copy = tmp_path / "catalog"
    shutil.copytree(HERE, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (copy / "acme.yml").write_text(FACTS)
    for file, more in (("pci_vendors.yml", PCI_VENDOR), ("images.yml", IMAGES)):
        (copy / file).write_text((copy / file).read_text() + more)
    return copy


@pytest.fixture
def catalog(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    monkeypatch.setitem(VENDORS, "acme", ACME)
    return load_from(folder, {name: vendor.facts for name, vendor in VENDORS.items()})


def test_its_card_is_told_and_gets_its_driver_and_its_image(catalog: Catalog) -> None:
    target = resolved(resolve(host(ACME_ONE), settings(), catalog))
    assert (target.vendor, [each.name for each in target.accelerators]) == ("acme", ["Acme One"])
    manifest = manifest_of(target, catalog)
    assert {"acme-dkms", "acme-smi"} <= {package.name for package in manifest.of(Package)}
    assert [each.image.reference for each in manifest.of(PulledImage)] == ["acme/pytorch:2.13.0-acme"]
    record = next(json.loads(file.content) for file in manifest.of(File) if file.path == RECORD)
    assert record["driver"] == {"branch": "7", "modules": "dkms"}
    assert ("driver branch", "7") in [(reason.choice, reason.answer) for reason in target.reasons]


def test_the_policys_torch_holds_for_it_too(catalog: Catalog) -> None:
    target = resolved(resolve(host(ACME_ONE), settings(torch="2.12"), catalog))
    assert target.image.reference == "acme/pytorch:2.12.0-acme"


def test_an_id_that_its_facts_do_not_hold_is_refused_with_words(catalog: Catalog) -> None:
    refusal = resolve(host(ACME_UNKNOWN), settings(), catalog)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == f"Acme device {ACME_UNKNOWN} at 0000:01:00.0 is not in the catalog"
    assert refusal.remedy.startswith("add it to xpulab/catalog/acme.yml with its source, or ")
    assert hypothetical.unknown([ACME_ONE, ACME_UNKNOWN], catalog) == (ACME_UNKNOWN,)


def test_beside_another_vendors_card_it_is_idle_unless_policy_prefers_it(catalog: Catalog) -> None:
    both = host(RTX_3090, ACME_ONE)
    other = resolved(resolve(both, settings(), catalog))
    assert other.vendor == "nvidia"
    assert f"Acme One ({ACME_ONE} at 0000:02:00.0) is left idle: policy prefers nvidia" in other.notes
    preferring = HostSettings(policy=Policy().model_copy(update={"prefer": "acme"}))
    assert resolved(resolve(both, preferring, catalog)).vendors == ("acme",)


def test_it_can_be_used_beside_another_vendor(catalog: Catalog) -> None:
    target = resolved(resolve(host(RTX_3090, ACME_ONE, kernel=HWE), settings(prefer="both"), catalog))
    assert (target.vendor, target.beside) == ("nvidia", Beside("acme", Driver("7", "dkms")))
    assert target.image.reference.startswith("pytorch/pytorch:")
    assert "for the Acme GPU: docker pull acme/pytorch:2.13.0-acme" in target.notes[-1]
    names = {package.name for package in manifest_of(target, catalog).of(Package)}
    assert "acme-dkms" in names and any(name.startswith("nvidia-utils-580") for name in names)


def test_two_vendors_that_need_different_kernels_are_refused_with_words(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_the_running_kernel(*asked: Any) -> Plan | Refusal:
        found = plan(*asked)
        return found if isinstance(found, Refusal) else replace(found, any_kernel=False)

    monkeypatch.setitem(VENDORS, "acme", replace(ACME, plan=of_the_running_kernel))
    refusal = resolve(host(ARC_A770, ACME_ONE, kernel=GA), settings(prefer="both"), catalog)
    assert refusal == Refusal(
        "the Intel and the Acme accelerators of this host need different kernels",
        "set policy prefer: intel or acme and leave the other one idle",
    )


@pytest.mark.parametrize("image", ["auto", "unified"])
def test_without_a_recipe_its_hosts_workbench_is_refused_with_words(catalog: Catalog, image: str) -> None:
    target = resolved(resolve(host(ACME_ONE), settings(), catalog))
    workbench = Workbench.model_construct(registry="registry.lab.test", image=image)
    refusal = recipe_for(target, said().model_copy(update={"workbench": workbench}), catalog)
    assert refusal == Refusal(
        "xpulab has no workbench for Acme accelerators", "take workbench out of the inventory for this host"
    )


def test_the_hardware_matrix_has_it(catalog: Catalog) -> None:
    page = matrix(catalog)
    assert "## Acme\n" in page
    assert "| Acme cards | every system | 7 | dkms | archive | its own | `acme/pytorch:2.13.0-acme` |" in page


def test_a_vendor_that_nobody_registered_is_a_mistake_of_the_catalog(folder: Path) -> None:
    known = {name: vendor.facts for name, vendor in VENDORS.items()}
    with pytest.raises(CatalogError, match=r"pci_vendors\.yml: 1acc: use acme is none of nvidia, intel"):
        load_from(folder, known)


def test_a_mistake_in_its_only_file_is_told_by_that_file(folder: Path) -> None:
    (folder / "acme.yml").write_text(FACTS.replace("branch:", "brunch:"))
    with pytest.raises(CatalogError, match=r"acme\.yml: driver > brunch: unknown key"):
        load_from(folder, {**{name: each.facts for name, each in VENDORS.items()}, "acme": AcmeFacts})
