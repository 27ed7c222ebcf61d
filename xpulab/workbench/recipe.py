"""What a host's workbench image is made of: base, environments, Level Zero. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xpulab.catalog.entry import release
from xpulab.catalog.images import CatalogImage
from xpulab.catalog.models import Catalog
from xpulab.catalog.workbench import Wheels
from xpulab.desired.repositories import repository_for
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.images import nearest
from xpulab.resolving.intel.facts import IntelFacts
from xpulab.resolving.target import Accelerator, Refusal, Target
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
    """The apt repository that Level Zero comes from, and its packages there."""

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
    if target.vendor == "nvidia":
        return _on_pytorch_image(target, "cuda", "the newest whose CUDA the driver is paired with", catalog)
    if target.vendor == "cpu":
        return _cpu(settings, catalog)
    if _takes_extension(target, settings, catalog):
        why = (
            "with Intel Extension for PyTorch, which Intel archived in March 2026 with known security issues"
        )
        return _on_pytorch_image(target, "xpu", why, catalog)
    return _xpu(target, settings, catalog)


def _cpu(settings: HostSettings, catalog: Catalog) -> Recipe | Refusal:
    environment = _of_wheels("cpu", settings, catalog)
    if isinstance(environment, Refusal):
        return environment
    system = catalog.workbench.default_system
    return _on_system(system, "cpu", (environment,), settings, catalog, "PyTorch's CPU build, with oneDNN")


def _xpu(target: Target, settings: HostSettings, catalog: Catalog) -> Recipe | Refusal:
    environment = _of_wheels("xpu", settings, catalog)
    if isinstance(environment, Refusal):
        return environment
    channel = catalog.workbench.level_zero[target.driver_of("intel").branch].channel
    system = _system_with(channel, target.os, catalog)
    source = _level_zero(channel, system, settings, catalog)
    why = f"PyTorch's XPU build; Level Zero of channel {channel}, which fits the driver of the hosts"
    return _on_system(system, "xpu", (environment,), settings, catalog, why, source)


def _unified(target: Target, settings: HostSettings, catalog: Catalog) -> Recipe | Refusal:
    """One image for as many hosts as can be: only modules outside the kernel tie it to a channel."""
    if unlisted := _unlisted(target, catalog):
        return Refusal(
            reason=f"the unified workbench has PyTorch's own builds, which do not list {unlisted[0].name}",
            remedy="set workbench image: auto for this host",
        )
    build = _cuda_build(target, catalog)
    if isinstance(build, Refusal):
        return build
    environments = []
    for wheels in ("cpu", "xpu", build):
        environment = _of_wheels(wheels, settings, catalog)
        if isinstance(environment, Refusal):
            return environment
        environments.append(environment)
    channel = catalog.workbench.unified.level_zero
    if "intel" in target.vendors and target.driver_of("intel").modules == "dkms":
        channel = target.driver_of("intel").branch
    system = _system_with(channel, catalog.workbench.default_system, catalog)
    source = _level_zero(channel, system, settings, catalog)
    why = f"an environment for each device; CUDA build {build}, Level Zero of channel {channel}"
    return _on_system(system, "unified", tuple(environments), settings, catalog, why, source)


def _takes_extension(target: Target, settings: HostSettings, catalog: Catalog) -> bool:
    """Whether the policy asks for a PyTorch so old, or a GPU has no other that lists it."""
    asked = settings.policy.torch
    last = release(catalog.workbench.extension.last_torch)
    old = asked is not None and release(asked) <= last[: len(release(asked))]
    return old or bool(_unlisted(target, catalog))


def _unlisted(target: Target, catalog: Catalog) -> list[Accelerator]:
    """Intel's GPUs of the host that PyTorch's builds for XPU do not list."""
    listed = catalog.workbench.wheels["xpu"].families
    return [
        each
        for each in target.accelerators
        if each.family in catalog.of(IntelFacts).devices and each.family not in listed
    ]


def _on_pytorch_image(target: Target, device: Literal["cuda", "xpu"], why: str, catalog: Catalog) -> Recipe:
    image = target.image
    torch = _catalog_image(image.reference, catalog).torch
    return Recipe(
        family=device,
        base=image.reference,
        base_digest=image.digest,
        torch=torch,
        environments=(Environment(device, torch),),
        packages=catalog.workbench.packages.every_image,
        why=f"on {image.reference}, {why}",
    )


def _on_system(
    system: str,
    family: Family,
    environments: tuple[Environment, ...],
    settings: HostSettings,
    catalog: Catalog,
    why: str,
    level_zero: LevelZeroSource | None = None,
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
        level_zero=level_zero,
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


def _cuda_build(target: Target, catalog: Catalog) -> str | Refusal:
    """The first CUDA build that suits a host's GPUs and driver; any other host is content with the first."""
    builds = catalog.workbench.unified.cuda
    if target.vendor != "nvidia":
        return builds[0]
    chosen = _catalog_image(target.image.reference, catalog)
    for build in builds:
        cuda = catalog.workbench.wheels[build].cuda or ""
        twin = next((each for each in catalog.every_image if each.cuda == cuda), None)
        if twin and release(cuda) <= release(chosen.cuda or "0") and _runs_on_all(twin, target):
            return build
    return Refusal(
        reason=f"no unified workbench suits these GPUs and driver: its CUDA builds are {', '.join(builds)}",
        remedy="set workbench image: auto for this host",
    )


def _runs_on_all(image: CatalogImage, target: Target) -> bool:
    return all(image.runs_on(gpu.compute_capability) for gpu in target.accelerators if gpu.compute_capability)


def _catalog_image(reference: str, catalog: Catalog) -> CatalogImage:
    return next(each for each in catalog.every_image if each.reference == reference)


def _system_with(channel: str, preferred: str, catalog: Catalog) -> str:
    """The preferred system if a channel has a suite for it, else the first of ours that it has one for."""
    suites = catalog.of(IntelFacts).compute.channels[channel].suites
    ours = [system for system in catalog.workbench.systems if system in suites]
    return preferred if preferred in ours else ours[0]


def _level_zero(channel: str, system: str, settings: HostSettings, catalog: Catalog) -> LevelZeroSource:
    of = catalog.of(IntelFacts).compute.channels[channel]
    repository = repository_for(system, of.repository, settings, catalog, channel=of.suites[system])
    return LevelZeroSource(
        uri=repository.uri,
        suite=repository.suite,
        components=repository.components,
        key_url=repository.key_url,
        fingerprints=repository.fingerprints,
        packages=catalog.workbench.level_zero[channel].packages,
    )
