"""What holds over a look, what is done about it, and the next look, whatever happens to a host.

Each invariant would have found one that was made worse: a kernel that a run brings and the next look refuses,
a firmware that a package takes away, a "converged" of which some card is in nobody's hands.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import assume, note
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.unit.examples import examples
from tests.unit.sample_hosts import (
    ARC_A770,
    ARC_B580,
    ASPEED,
    FLEX_170,
    GTX_1080_TI,
    H100,
    MAX_1100,
    RTX_3090,
    RTX_5090,
    UHD_770,
    host,
)
from tests.unit.simulated_host import Host, aged, newest_of
from xpulab.catalog.systems import Kernel
from xpulab.converging.assess import Assessment, assess
from xpulab.desired.kinds.apt_repository import AptRepository, OwnSources
from xpulab.desired.manifest import Manifest
from xpulab.desired.state import Desired, desired
from xpulab.desired.thing import Difference
from xpulab.inventory.settings import HostSettings, Policy
from xpulab.probing.observed import InstalledPackage
from xpulab.resolving.kernels import UNAME
from xpulab.resolving.resolve import resolve
from xpulab.resolving.target import Target
from xpulab.resolving.vendors import load_catalog
from xpulab.roles import BUILT_IN

CATALOG = load_catalog(date(2026, 11, 26))
MOST_PASSES = 8
CARDS = [RTX_3090, RTX_5090, GTX_1080_TI, H100, ARC_A770, ARC_B580, MAX_1100, FLEX_170, UHD_770, ASPEED]
KERNELS = st.sampled_from(sorted(CATALOG.operating_systems)).flatmap(
    lambda system: st.tuples(st.just(system), st.sampled_from(CATALOG.operating_systems[system].kernels))
)
POLICIES = st.builds(
    Policy,
    prefer=st.sampled_from(["nvidia", "intel", "both"]),
    nvidia_driver=st.sampled_from([None, None, "580", "595", "620"]),
    nvidia_source=st.sampled_from([None, None, "cuda"]),
    engine=st.sampled_from([None, "docker.io", "docker-ce"]),
)
FIRMWARE = "firmware-misc-nonfree", "firmware-intel-graphics"


class LookActLook(RuleBasedStateMachine):
    """A host of a lab over weeks: runs, and what its owner and its archive do to it in between."""

    @initialize(
        cards=st.lists(st.sampled_from(CARDS), min_size=1, max_size=2),
        kernel=KERNELS,
        policy=POLICIES,
        old=st.booleans(),
    )
    def a_bare_host(self, cards: list[str], kernel: tuple[str, Kernel], policy: Policy, old: bool) -> None:
        system, runs = kernel
        os_id, _, version = system.partition("-")
        uname = (aged if old else newest_of)(runs.series, runs.suffix)
        packages = {f"linux-image-{uname}": InstalledPackage("1")}
        bare = host(*cards, os_id=os_id, os_version=version, kernel=uname, packages=packages)
        self.host = Host(bare, CATALOG).booted()
        self.settings = HostSettings(policy=policy)
        self.converged = False

    def look(self) -> Assessment:
        return assess(self.host.seen, self.settings, CATALOG, BUILT_IN)

    def needs_a_validated_kernel(self) -> bool:
        """Whether a module of Intel's own is to be built, which its maker says for which kernels."""
        return any(f"{each.vendor}:{each.device}" in (MAX_1100, FLEX_170) for each in self.host.seen.pci)

    def manifest(self) -> Manifest:
        target = resolve(self.host.seen, self.settings, CATALOG)
        assert isinstance(target, Target)
        wanted = desired(BUILT_IN, target, self.settings, CATALOG)
        assert isinstance(wanted, Desired)
        return Manifest((*wanted.manifest.things, OwnSources.of(wanted.manifest.of(AptRepository))))

    @rule()
    def a_run(self) -> None:
        found = self.look()
        if found.refusal:
            assert found.refusal.reason and found.refusal.remedy
            self.converged = False
            return
        for _ in range(MOST_PASSES):
            if not found.drift:
                break
            self.host = self.host.after(found.drift, self.manifest())
            found = self.look()
            note(f"{self.host.seen.kernel}: {[_words(each) for each in found.drift][:4]}")
            assert found.refusal is None, "what a run has brought is refused by its own next look"
        assert not found.drift, "the steps do not lead to what is wanted"
        self.converged = True

    @rule(kernel=KERNELS, unheard_of=st.booleans())
    def the_owner_boots_a_newer_kernel_of_a_known_flavour(
        self, kernel: tuple[str, Kernel], unheard_of: bool
    ) -> None:
        system, newer = kernel
        if unheard_of:
            newer = newer.model_copy(update={"series": "9.1"})
        assume(system == self.host.seen.os and not newer.superseded)
        uname = newest_of(newer.series, newer.suffix)
        was = self.host.seen.kernel
        packages = {**self.host.seen.packages, f"linux-image-{uname}": InstalledPackage("1")}
        before = self.look().refusal
        self.host = replace(self.host, seen=replace(self.host.seen, packages=packages)).booted()
        self.converged = False
        after = self.look().refusal
        if newer.suffix == UNAME.fullmatch(was)["suffix"] and not self.needs_a_validated_kernel():  # type: ignore[index]
            assert before or not after, "a newer kernel of the same flavour refuses the host"

    @rule(number=st.integers(0, 40))
    def the_owner_removes_a_package(self, number: int) -> None:
        names = [each for each in sorted(self.host.seen.packages) if not each.startswith("linux-image")]
        assume(names)
        self.host = self.host.removed(names[number % len(names)])
        self.converged = False

    @rule()
    def the_host_is_booted(self) -> None:
        self.host = self.host.booted()
        self.converged = False

    @rule(policy=POLICIES)
    def the_inventory_says_otherwise(self, policy: Policy) -> None:
        self.settings = HostSettings(policy=policy)
        self.converged = False

    @precondition(lambda self: "nvidia-container-toolkit" in self.host.seen.packages)
    @rule()
    def the_archive_has_a_newer_toolkit(self) -> None:
        newer = {name: "1.99.0-1" for name in self.host.seen.packages if "container" in name}
        self.host = self.host.installed(*(f"{name}={version}" for name, version in newer.items()))
        self.converged = False

    @invariant()
    def a_converged_host_needs_nothing_and_its_accelerators_are_driven(self) -> None:
        if not getattr(self, "converged", False):
            return
        found = self.look()
        assert found.drift == () and found.target
        functions = {each.address: each for each in self.host.seen.pci}
        for accelerator in found.target.accelerators:
            function = functions[accelerator.address]
            assert function.driver in ("nvidia", "i915", "xe"), f"{accelerator.name} is in nobody's hands"
            assert function.driver == "nvidia" or function.render_node
            module = self.host.seen.modules[function.driver]
            assert (module.loaded_version, module.loaded_srcversion) == (
                module.disk_version,
                module.disk_srcversion,
            )

            if self.host.seen.os == "debian-12" and function.driver == "i915":
                # The backport of the first has lost an Arc's firmware to the second.
                assert FIRMWARE[0] not in self.host.seen.packages or FIRMWARE[1] in self.host.seen.packages


def _words(difference: Difference) -> str:
    return f"{difference.kind} {difference.name}: {difference.found} -> {difference.wanted}"


TestLookActLook = LookActLook.TestCase
TestLookActLook.settings = profile(max_examples=examples(150), stateful_step_count=12, deadline=None)
