"""A host that serves a workbench and converges itself: a pull brings the workbench back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.testbed.lab import Finished, host_data, on
from tests.testbed.test_7_pull import HOST, WWW, Releases, long_after_a_push, pull
from tests.testbed.test_9_workbench import NAME, health, workbenches

__all__ = ["workbenches"]  # the fixture of the tests of workbenches


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory, workbenches: Finished) -> Iterator[Releases]:
    """A host that serves a workbench, after the push that also made it pull."""
    served = host_data(HOST)[HOST]["workbench"]
    releases = Releases(tmp_path_factory.mktemp("pull"), workbench=served)
    releases.make()
    releases.publish()
    done = releases.push("xpu.py")
    assert done.status == 0, done.everything
    yield releases
    shutil.rmtree(WWW, ignore_errors=True)


def test_a_pull_finds_the_workbench_of_its_release_as_it_should_be(pushed: Releases) -> None:
    long_after_a_push()
    result = pull()
    assert (result["state"], result["changes"]) == ("converged", "0"), result


def test_a_pull_brings_back_a_workbench_that_was_stopped(pushed: Releases) -> None:
    on(HOST, f"systemctl stop {NAME}")
    long_after_a_push()
    result = pull()
    assert (result["state"], result["changes"]) == ("converged", "1"), result
    assert health(HOST) == "healthy"
