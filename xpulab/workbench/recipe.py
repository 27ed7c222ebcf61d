"""What a host's workbench image is made of: base, environments, Level Zero. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xpulab.catalog.consistency import CPU
from xpulab.catalog.entry import release
from xpulab.catalog.models import Catalog
from xpulab.catalog.workbench import Wheels
from xpulab.desired.repositories import repository_for
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.images import nearest
from xpulab.resolving.target import Target
from xpulab.resolving.vendors import VENDORS
from xpulab.resolving.workbench_parts import OnPytorchImage, OnSystem, UserSpace
from xpulab.schema.refusal import Refusal
from xpulab.workbench.settings import Workbench

Family = Literal["cuda", "xpu", "cpu", "unified"]
ENVIRONMENTS = "/opt/xpulab"


@dataclass(frozen=True)
class Environment:
    """A Python environment for one device: PyTorch from an index of wheels, or that of the base image."""

    device: str
    torch: str
    index: str | None = None

    @property
    def path(self) -> str:
        """Where it lies in the image."""
        return f"{ENVIRONMENTS}/{self.device}"


@dataclass(frozen=True)
class LevelZeroSource:
    """The apt repository that Level Zero comes from, its packages, and the file that names it to apt."""

    file: str
    uri: str
    suite: str
    components: tuple[str, ...]
    key_url: str
    fingerprints: tuple[str, ...]
    packages: tuple[str, ...]


@dataclass(frozen=True)
class Recipe:
    """All that decides what is in an image, and why it is so."""

    family: Family
    base: str
    base_digest: str | None
    torch: str
    environments: tuple[Environment, ...]
    packages: tuple[str, ...]
    why: str
    level_zero: LevelZeroSource | None = None


def recipe_for(target: Target, settings: HostSettings, catalog: Catalog) -> Recipe | Refusal:
    """The recipe of a host's image: for its accelerator, or the unified one where the lab asks for that."""
    workbench = settings.section(Workbench)
    if workbench and workbench.image == "unified":
        return _unified(target, settings, catalog)
    if target.vendor == CPU:
        choice: OnPytorchImage | OnSystem = OnSystem("cpu", "cpu", "PyTorch's CPU build, with oneDNN")
    else:
        parts = VENDORS[target.vendor].workbench
        if parts is None:
            return _no_workbench(target.vendor, catalog)
        choice = parts.own(target, settings.policy, catalog)
    if isinstance(choice, OnPytorchImage):
        return _on_pytorch_image(target, choice, catalog)
    environment = _of_wheels(choice.wheels, settings, catalog)
    if isinstance(environment, Refusal):
        return environment
    space = choice.user_space
    system = _system_with(space, target.os, catalog) if space else catalog.workbench.default_system
    return _on_system(system, choice.device, (environment,), settings, catalog, choice.why, space)


def _no_workbench(vendor: str, catalog: Catalog) -> Refusal:
    return Refusal(
        reason=f"xpulab has no workbench for {catalog.title_of(vendor)} accelerators",
        remedy="take workbench out of the inventory for this host",
    )


def _unified(target: Target, settings: HostSettings, catalog: Catalog) -> Recipe | Refusal:
    """One image for as many hosts as can be: an environment for the CPU and for each vendor's devices."""
    for vendor in target.vendors:
        if vendor != CPU and VENDORS[vendor].workbench is None:
            return _no_workbench(vendor, catalog)
    environments, said, space = [_of_wheels("cpu", settings, catalog)], [], None
    for each in reversed([vendor.workbench for vendor in VENDORS.values() if vendor.workbench]):
        part = each.unified(target, catalog)
        if isinstance(part, Refusal):
            return part
        environments.append(_of_wheels(part.wheels, settings, catalog))
        said.append(part.said)
        space = space or part.user_space
    if refusal := next((each for each in environments if isinstance(each, Refusal)), None):
        return refusal
    system = catalog.workbench.default_system
    system = _system_with(space, system, catalog) if space else system
    why = f"an environment for each device; {', '.join(reversed(said))}"
    found = tuple(each for each in environments if isinstance(each, Environment))
    return _on_system(system, "unified", found, settings, catalog, why, space)


def _on_pytorch_image(target: Target, choice: OnPytorchImage, catalog: Catalog) -> Recipe:
    image = target.image
    torch = next(each for each in catalog.every_image if each.reference == image.reference).torch
    return Recipe(
        family=choice.device,
        base=image.reference,
        base_digest=image.digest,
        torch=torch,
        environments=(Environment(choice.device, torch),),
        packages=catalog.workbench.packages.every_image,
        why=f"on {image.reference}, {choice.why}",
    )


def _on_system(
    system: str,
    family: Family,
    environments: tuple[Environment, ...],
    settings: HostSettings,
    catalog: Catalog,
    why: str,
    space: UserSpace | None = None,
) -> Recipe:
    reference = catalog.workbench.systems[system].image
    override = settings.images.get(reference)
    packages = catalog.workbench.packages
    return Recipe(
        family=family,
        base=reference,
        base_digest=override.digest if override else None,
        torch=environments[0].torch.partition("+")[0],
        environments=environments,
        packages=(*packages.every_image, *packages.on_base_image),
        why=why,
        level_zero=_level_zero(space, system, settings, catalog) if space else None,
    )


def _of_wheels(build: str, settings: HostSettings, catalog: Catalog) -> Environment | Refusal:
    """The environment with the release that the policy asks for, or one near it; else the newest."""
    wheels: Wheels = catalog.workbench.wheels[build]
    asked = settings.policy.torch
    fitting = nearest(wheels.releases, release(asked)) if asked else frozenset(wheels.releases)
    if not fitting:
        return Refusal(
            reason=f"policy asks for PyTorch {asked}, and the workbench has no {build} build near it",
            remedy=f"set policy torch to one of {', '.join(wheels.releases)}, or leave it out",
        )
    return Environment(wheels.device, f"{max(fitting, key=release)}+{build}", wheels.index)


def _system_with(space: UserSpace, preferred: str, catalog: Catalog) -> str:
    """The preferred system if there is a suite for it, else the first of ours that there is one for."""
    ours = [system for system in catalog.workbench.systems if system in space.suites]
    return preferred if preferred in ours else ours[0]


def _level_zero(space: UserSpace, system: str, settings: HostSettings, catalog: Catalog) -> LevelZeroSource:
    repository = repository_for(system, space.repository, settings, catalog, channel=space.suites[system])
    return LevelZeroSource(
        file=space.sources,
        uri=repository.uri,
        suite=repository.suite,
        components=repository.components,
        key_url=repository.key_url,
        fingerprints=repository.fingerprints,
        packages=space.packages,
    )
