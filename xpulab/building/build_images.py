"""Builds the workbench images that a lab's hosts need, on its builder, and writes down their digests."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyinfra import logger
from pyinfra.api.host import Host
from pyinfra.context import ctx_host, ctx_state
from pyinfra.operations import python

from xpulab.building import build_scripts
from xpulab.building.build_scripts import InRegistry
from xpulab.converging import run
from xpulab.converging.assess import Assessment
from xpulab.converging.converge import fail, look, run_step
from xpulab.converging.job import Job, job_of
from xpulab.converging.outcome import Outcome, outcome_of
from xpulab.desired.kinds.image import PulledImage
from xpulab.desired.role import Role
from xpulab.desired.thing import NOT_THERE, Difference, Phase, Run, Runs
from xpulab.inventory import workbench_digests
from xpulab.inventory.settings import HostSettings, ImageOverride
from xpulab.probing.watched import Watched
from xpulab.resolving.vendors import load_catalog
from xpulab.schema.refusal import Refusal
from xpulab.workbench.image import WorkbenchImage, archive, image_of
from xpulab.workbench.settings import Workbench

BUILD_TIMEOUT_S = 4 * 3600

_needed: dict[str, WorkbenchImage] = {}


def deploy(built_in: tuple[Role, ...]) -> None:
    """Note the image that the host in context needs; the builder makes those of all hosts at once, later."""
    run.begin()
    host = ctx_host.get()
    job = job_of(host, built_in)
    outcome, _ = look(host, replace(job, roles=(), watched=Watched()) if isinstance(job, Job) else job)
    if isinstance(job, Job) and job.settings.section(Workbench) and outcome.target:
        image = image_of(outcome.target, job.settings, load_catalog())
        if isinstance(image, WorkbenchImage):
            _needed[host.name] = image
        outcome = _planned(host, image, job.settings, outcome)
    run.plan(outcome, converge=True)
    if host.name == _builder() and outcome.state != "failed":
        run.owns(python.call(name="Build workbench images", function=_build))


def _planned(
    host: Host, image: WorkbenchImage | Refusal, settings: HostSettings, outcome: Outcome
) -> Outcome:
    """What is to be done for one host, as far as its inventory tells: the registry is asked later."""
    if isinstance(image, Refusal):
        return outcome_of(host.name, Assessment(refusal=image))
    if image.reference in settings.images:
        return outcome
    if _builder() is None:
        refusal = Refusal(
            f"the workbench image {image.reference} is not built, and no host of this run is the builder",
            "set workbench.builder: true at one host, and let the run reach it (--limit)",
        )
        return outcome_of(host.name, Assessment(refusal=refusal))
    built = Runs(Phase.IMAGES, ())  # one operation of the builder's makes those of all hosts
    missing = Difference(PulledImage.kind, image.reference, NOT_THERE, "built and pushed", built)
    return replace(outcome, state="drifted", drift=(missing,))


def _builder() -> str | None:
    """The first host of this run that the inventory makes a builder."""
    state = ctx_state.get()
    hosts = [host for host in state.inventory if state.is_host_in_limit(host)]
    return min((host.name for host in hosts if _is_builder(host.data.get("workbench"))), default=None)


def _is_builder(workbench: Any) -> bool:
    """What another host's inventory says may be anything: it has not been checked here."""
    return isinstance(workbench, dict) and workbench.get("builder") is True


def _build() -> None:
    """Build what the registry lacks, and write down what it then has."""
    host = ctx_host.get()
    file = _digests_file(host)
    known = _known(host, file)
    images = {image.reference: image for image in _needed.values()}
    present = _in_registry(host, list(images))
    fresh: dict[str, ImageOverride] = {}
    # Those of a family share layers, so one after the other is as quick as it gets.
    missing = [images[reference] for reference in sorted(images) if reference not in present]
    sizes = {image.reference: _build_one(host, image) for image in missing}
    if missing:
        present = _in_registry(host, list(images))
    for reference, there in present.items():
        disk_gb = known[reference].disk_gb if reference in known else None
        if reference in sizes or disk_gb is None:
            unpacked = sizes.get(reference) or _measured(host, reference)
            disk_gb = max(round(unpacked / 10**9, 2), 0.01)
        fresh[reference] = ImageOverride(digest=there.digest, disk_gb=disk_gb)
        logger.info(f"{host.print_prefix}{reference}@{there.digest}: {_words(there, disk_gb)}")
    if missing_still := [reference for reference in images if reference not in present]:
        fail(host, f"the registry does not have {missing_still[0]} after its push")
    if {**known, **fresh} != known:
        _write_down(host, file, {**known, **fresh})
    for name in _needed:
        run.ledger.change(name, state="converged", drift=())
    run.ledger.change(host.name, changes=len(missing))


def _digests_file(host: Host) -> Path:
    """Where the inventory wants the digests; a lab's YAML file and the testbed's say it by themselves."""
    file = host.data.get(workbench_digests.HOST_DATA)
    if not file:
        fail(
            host,
            f"the inventory's data has no {workbench_digests.HOST_DATA}: say where the digests are to go",
        )
    return Path(file)


def _known(host: Host, file: Path) -> dict[str, ImageOverride]:
    try:
        return workbench_digests.read(file)
    except workbench_digests.DigestsError as error:
        fail(host, str(error))


def _write_down(host: Host, file: Path, images: dict[str, ImageOverride]) -> None:
    try:
        workbench_digests.write(file, images)
    except OSError as error:
        fail(host, f"{file} cannot be written ({error.strerror}): the images are in the registry, run again")


def _words(there: InRegistry, disk_gb: float) -> str:
    return f"{there.download_bytes / 10**6:.0f} MB to pull, {disk_gb} GB unpacked"


def _in_registry(host: Host, references: list[str]) -> dict[str, InRegistry]:
    output = run_step(host, Run("ask the registry for workbench images", build_scripts.ask(references)))
    try:
        return build_scripts.answered(output.stdout_lines)
    except (ValueError, KeyError, TypeError) as error:
        fail(host, f"the registry's answer makes no sense: {error}")


def _build_one(host: Host, image: WorkbenchImage) -> int:
    context = archive(image.context)
    revision = image.reference.rpartition("-")[2]
    output = run_step(
        host,
        Run(
            f"build {image.reference}",
            build_scripts.build(image.reference, revision),
            BUILD_TIMEOUT_S,
            "no image was changed on any host, and the images built so far are in the registry.",
            stdin=base64.encodebytes(context).decode(),
        ),
    )
    return _size(host, output.stdout_lines)


def _measured(host: Host, reference: str) -> int:
    output = run_step(host, Run(f"measure {reference}", build_scripts.measure(reference), BUILD_TIMEOUT_S))
    return _size(host, output.stdout_lines)


def _size(host: Host, lines: list[str]) -> int:
    try:
        return build_scripts.size(lines)
    except ValueError as error:
        fail(host, f"docker image inspect gave {error}")
