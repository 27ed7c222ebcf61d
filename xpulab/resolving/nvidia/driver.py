"""Which NVIDIA driver a host gets: branch, flavour of the kernel modules, and where both come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from xpulab.catalog.entry import release
from xpulab.catalog.models import Catalog
from xpulab.inventory.settings import Policy
from xpulab.probing.observed import Observed
from xpulab.resolving.nvidia.entries import DriverBranch, NvidiaModules, NvidiaSource
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.nvidia.gpus import NvidiaGpu
from xpulab.resolving.reason import Reason
from xpulab.resolving.secure_boot import DKMS_REFUSED, ENROL, refuses_dkms
from xpulab.resolving.target import CPU_INSTEAD, Driver
from xpulab.schema.refusal import Refusal

FLAVOURS: tuple[NvidiaModules, ...] = ("open", "proprietary")  # open wins where both fit


@dataclass(frozen=True)
class Question:
    """All that the choice of a driver depends on."""

    gpus: Sequence[NvidiaGpu]
    observed: Observed
    policy: Policy
    catalog: Catalog
    fabric: str | None

    @property
    def system(self) -> str:
        """The title of the host's operating system."""
        return self.catalog.operating_systems[self.observed.os].title


@dataclass(frozen=True)
class Choice:
    """A driver, and why it is this one."""

    driver: Driver
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Obstacle:
    """Why a branch will not do, and what would let it."""

    why: str
    remedy: str | None = None


def choose(asked: Question) -> Choice | Refusal:
    """The branch asked for or the default, if nothing speaks against it; else a refusal with those that do.

    NVIDIA's rule for the modules: open from Turing on, required by Blackwell; proprietary before Turing, and
    where old and new share a host
    (https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/kernel-modules.html).
    """
    if clash := _clash(asked.gpus):
        return clash
    data = asked.catalog.of(NvidiaFacts).driver
    branch = asked.policy.nvidia_driver or data.default_branch
    answer = _offer(branch, asked)
    if isinstance(answer, Choice):
        why = "policy asks for it" if asked.policy.nvidia_driver else "the default, which drives every family"
        return _because(why, answer, asked)
    maintained = [
        name for name, each in data.branches.items() if each.state == "supported" and not each.opt_in
    ]
    answers = {name: _offer(name, asked) for name in maintained}
    offers = [each for each in answers.values() if isinstance(each, Choice)]
    if asked.policy.nvidia_driver is None:
        if offers:
            return _because(f"the default {branch} will not do: {answer.why}", offers[-1], asked)
        answer = _with_others(answer, answers)
    others = " or ".join(offer.driver.branch for offer in offers)
    first = f"set policy nvidia_driver to {others}" if offers else None
    ways = [way for way in (first, answer.remedy) if way] or [f"replace the card, or {CPU_INSTEAD}"]
    return Refusal(f"NVIDIA driver branch {branch} will not do: {answer.why}", ", or ".join(ways))


def _with_others(default: Obstacle, answers: Mapping[str, Choice | Obstacle]) -> Obstacle:
    """The default's obstacle, and that of the first branch where something else can be done about it."""
    for name, other in answers.items():
        if isinstance(other, Obstacle) and other.remedy and other.why != default.why:
            ways = [way for way in (other.remedy, default.remedy) if way]
            return Obstacle(f"{default.why}; nor will {name}: {other.why}", ", or ".join(ways))
    return default


def _because(why: str, choice: Choice, asked: Question) -> Choice:
    """The choice with the reason for its branch."""
    name = choice.driver.branch
    branch = asked.catalog.of(NvidiaFacts).driver.branches[name]
    floor = f"; {branch.security_floor} or later has the security fixes" if branch.security_floor else ""
    rule = f"{why}; {branch.kind} branch, end of life {branch.end_of_life:%B %Y}{floor}"
    return Choice(choice.driver, (Reason("driver branch", name, rule, branch), *choice.reasons))


def _clash(gpus: Sequence[NvidiaGpu]) -> Refusal | None:
    """A refusal that names two GPUs which no flavour drives together."""
    for pair in combinations(gpus, 2):
        if set(pair[0].modules) & set(pair[1].modules):
            continue
        words = " and ".join(f"{gpu.label} needs the {' or '.join(gpu.modules)} modules" for gpu in pair)
        return Refusal(
            reason=f"two GPUs of this host cannot share a driver: {words}",
            remedy=f"move one of them to another host, or {CPU_INSTEAD}",
        )
    return None


def _offer(branch: str, asked: Question) -> Choice | Obstacle:
    """The driver of a branch for these GPUs on this system, or what speaks against it."""
    found = asked.catalog.of(NvidiaFacts).driver.branches.get(branch)
    if found is None:
        return Obstacle(f"the catalog has only {', '.join(asked.catalog.of(NvidiaFacts).driver.branches)}")
    offer = _fitting(branch, found, asked)
    if found.state == "end-of-life" and asked.policy.nvidia_driver_end_of_life == "refuse":
        allow = "set policy nvidia_driver_end_of_life: allow" if isinstance(offer, Choice) else None
        return Obstacle(f"it {found.without_fixes}", allow)
    return offer


def _fitting(branch: str, found: DriverBranch, asked: Question) -> Choice | Obstacle:
    """The branch in the flavour and from the source that fit the host."""
    if why := _unfit(branch, found, asked.gpus):
        return Obstacle(why)
    flavour = next(
        (
            each
            for each in FLAVOURS
            if each in found.modules and all(each in gpu.modules for gpu in asked.gpus)
        ),
        None,
    )
    if flavour is None:
        gpu = next(each for each in asked.gpus if not set(each.modules) & set(found.modules))
        return Obstacle(f"it has no {gpu.modules[0]} kernel modules, which {gpu.label} needs")
    source = _source(found, asked)
    if isinstance(source, Obstacle):
        return source
    reasons = (_why_modules(flavour, branch, asked.gpus), _why_source(source, asked))
    return Choice(Driver(branch, flavour, source), reasons)


def _unfit(branch: str, found: DriverBranch, gpus: Sequence[NvidiaGpu]) -> str | None:
    for gpu in gpus:
        if gpu.family.last_branch and int(branch) > int(gpu.family.last_branch):
            return f"{gpu.label} is {gpu.family.title}, whose last branch is {gpu.family.last_branch}"
        first = gpu.first_driver
        if first is not None and release(found.at_least or branch) < release(first):
            return f"{gpu.label} needs driver {first} or later"
    return None


def _source(found: DriverBranch, asked: Question) -> NvidiaSource | Obstacle:
    """Where the driver comes from: the policy's choice, or the archive before the CUDA repository."""
    policy, names = asked.policy, {"archive": f"the archive of {asked.system}", "cuda": "the CUDA repository"}
    sources = found.sources(asked.observed.os)
    if policy.nvidia_source:
        sources = tuple(each for each in sources if each == policy.nvidia_source)
        if not sources:
            return Obstacle(
                f"{names[policy.nvidia_source]} has no packages of it for {asked.system}",
                "leave policy nvidia_source out",
            )
    if not sources:
        return Obstacle(
            f"{names['archive']} has no packages of it, nor has {names['cuda']} for that system",
            _systems_with(found, asked.catalog),
        )
    required = asked.catalog.of(NvidiaFacts).driver.nvlink5.source_required
    if asked.fabric == "nvlink5":
        if required not in sources:
            packages = ", ".join(asked.catalog.of(NvidiaFacts).driver.nvlink5.packages)
            return Obstacle(
                f"GPUs behind NVLink 5 switches need {packages}, which come with {names[required]}",
                f"set policy nvidia_source: {required}",
            )
        sources = (required,)
    # The archive's modules are signed by Canonical; the CUDA repository's are built on the host.
    usable = [each for each in sources if each == "archive" or not refuses_dkms(asked.observed, policy)]
    return usable[0] if usable else Obstacle(DKMS_REFUSED, ENROL)


def _systems_with(found: DriverBranch, catalog: Catalog) -> str | None:
    """What to install for a branch: a system that has it."""
    titles = [system.title for key, system in catalog.operating_systems.items() if found.sources(key)]
    return f"install {' or '.join(titles)}, or {CPU_INSTEAD}" if titles else None


def _why_modules(flavour: NvidiaModules, branch: str, gpus: Sequence[NvidiaGpu]) -> Reason:
    demanding = [gpu for gpu in gpus if gpu.modules == (flavour,)]
    if demanding:
        rule = f"{demanding[0].family.title} needs the {flavour} modules"
    elif flavour == "open":
        rule = "open where every GPU allows it: Turing and later"
    else:
        rule = f"branch {branch} comes with these"
    return Reason("kernel modules", flavour, rule, gpus[0].family)


def _why_source(source: NvidiaSource, asked: Question) -> Reason:
    data = asked.catalog.of(NvidiaFacts).driver
    if source == "archive":
        rule = "the archive has the branch, with modules that Canonical signs: no DKMS, fine with Secure Boot"
        return Reason("driver source", f"archive of {asked.system}", rule, data.archive)
    if asked.policy.nvidia_source == source:
        why = "policy asks for it"
    elif asked.fabric == "nvlink5":
        why = "nvlsm comes from there"
    else:
        why = f"the archive of {asked.system} does not have the branch"
    rule = f"{why}; DKMS builds the modules, and the archive's driver is pinned away"
    return Reason("driver source", "NVIDIA's CUDA repository", rule, data.cuda)
