"""A refusal's remedy, applied to the host or its inventory, does away with that refusal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from hypothesis import assume, event, given
from hypothesis import settings as profile

from tests.unit.examples import examples
from tests.unit.simulated_host import Host, newest_of
from tests.unit.test_resolve_properties import CATALOG, labs, policies
from xpulab.catalog.systems import Kernel
from xpulab.inventory.settings import HostSettings, Policy
from xpulab.probing.observed import Observed
from xpulab.resolving.resolve import resolve
from xpulab.schema.refusal import Refusal

SET = re.compile(r"set policy (\w+)(?::| to)(?: one of)? ([\w.]+(?:/\d+)?)")
LEFT_OUT = re.compile(r"leave policy (\w+) out")
META = re.compile(r"apt install (linux-\S+?),? ")
OTHER_SYSTEM = re.compile(r"(?:install|or) (Ubuntu \d\d\.\d\d LTS|Debian \d\d)")


def ways(remedy: str, observed: Observed, policy: Policy) -> Iterator[tuple[str, Observed, Policy]]:
    """Each thing that a remedy offers and a description can be given: a word for it, and the result."""
    said = policy.model_dump(exclude_defaults=True)
    for key, value in SET.findall(remedy):
        yield f"policy {key}", observed, Policy.model_validate({**said, key: value})
    for key in LEFT_OUT.findall(remedy):
        yield f"policy {key}", observed, Policy.model_validate({k: v for k, v in said.items() if k != key})
    for package in META.findall(remedy):
        kernel = kernel_of(package, observed)
        uname = newest_of(kernel.series, kernel.suffix)
        yield "another kernel", replace(observed, kernel=uname, packages={}), policy
    for title in OTHER_SYSTEM.findall(remedy):
        key, system = next(each for each in CATALOG.operating_systems.items() if each[1].title == title)
        os_id, _, version = key.partition("-")
        kernel = system.kernels[0]
        fresh = replace(
            observed, os_id=os_id, os_version=version, kernel=newest_of(kernel.series, kernel.suffix)
        )
        yield "another system", fresh, policy


def kernel_of(package: str, observed: Observed) -> Kernel:
    """The kernel that a meta package brings."""
    system = Host(observed, CATALOG).system
    return next(
        each for each in system.kernels if system.meta_package(each) == package and not each.superseded
    )


@profile(max_examples=examples(600), deadline=None)
@given(labs, policies)
def test_what_a_remedy_offers_does_away_with_the_refusal(observed: Observed, policy: Policy) -> None:
    refused = resolve(observed, HostSettings(policy=policy), CATALOG)
    assume(isinstance(refused, Refusal))
    assert isinstance(refused, Refusal)
    for what, after, settings in ways(refused.remedy, observed, policy):
        event(what)
        result = resolve(after, HostSettings(policy=settings), CATALOG)
        again = isinstance(result, Refusal) and result.reason == refused.reason
        assert not again, f"{refused.reason} → {refused.remedy}: {what} does not help"
