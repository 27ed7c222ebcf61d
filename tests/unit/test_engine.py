"""The container engine that is there stays; one of others goes only where the inventory says so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sample_hosts import RTX_3090, host
from xpulab.inventory.settings import HostSettings, Policy
from xpulab.probing.observed import FoundUnit, InstalledPackage, Observed
from xpulab.resolving.resolve import resolve
from xpulab.resolving.target import Target
from xpulab.resolving.vendors import load_catalog
from xpulab.schema.refusal import Refusal


def answer(observed: Observed, **policy: Any) -> Target | Refusal:
    return resolve(observed, HostSettings(policy=Policy(**policy)), load_catalog())


def engine(observed: Observed, **policy: Any) -> str:
    target = answer(observed, **policy)
    assert isinstance(target, Target), target
    return target.engine


def with_packages(*names: str, units: tuple[str, ...] = ()) -> Observed:
    packages = {name: InstalledPackage("1") for name in names}
    return host(
        RTX_3090, packages=packages, units={name: FoundUnit(True, "active", "enabled") for name in units}
    )


def test_a_host_without_an_engine_gets_the_distributions() -> None:
    assert engine(with_packages()) == "docker.io"
    assert engine(with_packages("containerd", "runc")) == "docker.io"


@pytest.mark.parametrize("name", ["docker.io", "docker-ce"])
def test_an_engine_that_is_there_stays(name: str) -> None:
    assert engine(with_packages(name, "containerd.io")) == name
    assert engine(with_packages(name, units=("kubelet.service",))) == name


def test_the_inventory_may_name_another_one() -> None:
    assert engine(with_packages("docker-ce", "containerd.io"), engine="docker.io") == "docker.io"


@pytest.mark.parametrize("name", ["containerd.io", "moby-engine", "podman-docker"])
def test_an_engine_of_others_goes_only_where_the_inventory_names_its_successor(name: str) -> None:
    refused = answer(with_packages(name))
    assert isinstance(refused, Refusal)
    assert name in refused.reason and "set policy engine" in refused.remedy
    assert engine(with_packages(name), engine="docker.io") == "docker.io"


@pytest.mark.parametrize(
    "unit", ["kubelet.service", "k3s.service", "k3s-agent.service", "rke2-agent.service"]
)
def test_a_node_of_a_cluster_gets_an_engine_only_where_the_inventory_names_it(unit: str) -> None:
    refused = answer(with_packages(units=(unit,)))
    assert isinstance(refused, Refusal) and unit in refused.reason
    assert engine(with_packages(units=(unit,)), engine="docker-ce") == "docker-ce"
