from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.testbed.lab import Finished, on, provision, state_of

HOSTS = ("nv1", "intel1", "max1", "cpu1")


@pytest.fixture(scope="session")
def first_run() -> Finished:
    """The four hosts, bare before, after their first run; what stood on nv1 before must survive it."""
    on("nv1", 'mkdir -p /etc/docker && echo \'{"log-opts": {"max-size": "10m"}}\' > /etc/docker/daemon.json')
    on(
        "nv1",
        "echo 'deb https://nvidia.github.io/nvidia-docker/ubuntu22.04/amd64 /' "
        "> /etc/apt/sources.list.d/nvidia-docker.list",
    )
    return provision()


@pytest.fixture(scope="session")
def provisioned(first_run: Finished) -> Finished:
    """The lab after a first run that went well."""
    assert first_run.status == 0, first_run.everything
    return first_run


@pytest.fixture(scope="module")
def with_workbenches() -> Iterator[None]:
    """The lab's hosts are to serve workbenches, in this module."""
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("XPULAB_TESTBED_WORKBENCH", "1")
        yield


@pytest.fixture(scope="session")
def before_first_run() -> dict[str, str]:
    """The state of the four bare hosts."""
    return state_of(HOSTS)
