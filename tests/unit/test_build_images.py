"""The builder's run on pyinfra's @fake connector: what it asks, and what it makes of the answers."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.probe_answers import answer
from tests.unit.sample_hosts import said
from tests.unit.sample_workbenches import CATALOG, WORKBENCH
from tests.unit.test_fake_lab import Finished
from xpulab.building import build_scripts
from xpulab.inventory import workbench_digests
from xpulab.probing.records import parse
from xpulab.resolving.resolve import resolve
from xpulab.resolving.target import Target
from xpulab.workbench.image import WorkbenchImage, image_of

DIGEST = f"sha256:{'d' * 64}"


def manifest(digest: str = DIGEST) -> str:
    said = {
        "Descriptor": {"digest": digest},
        "SchemaV2Manifest": {"config": {"size": 1000}, "layers": [{"size": 4000}, {"size": 5000}]},
    }
    return base64.b64encode(json.dumps(said).encode()).decode()


class InTurn(dict[str, Any]):
    """A response that is another one each time it is asked for."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)

    def __repr__(self) -> str:
        return f"InTurn(*{self.answers!r})"

    def get(self, key: str, default: Any = None) -> Any:
        return self.answers.pop(0) if key == "stdout" else default


def reference() -> str:
    """The image of a CPU host on Ubuntu 22.04."""
    settings = said(workbench=WORKBENCH)
    target = resolve(parse(answer()), settings, CATALOG)
    assert isinstance(target, Target)
    image = image_of(target, settings, CATALOG)
    assert isinstance(image, WorkbenchImage)
    return image.reference


def inventory(folder: Path, responses: dict[str, object], builder: bool = True, known: bool = False) -> Path:
    """Two like hosts, of which the first one is the builder."""
    everything = {"xpulab-probe": answer(), **responses}
    data = {
        "fake_responses": everything,
        "fake_delay": 0,
        "fake_delay_jitter": 0,
        "workbench_images_file": str(folder / "digests.yml"),
        "images": {reference(): {"digest": DIGEST, "disk_gb": 1.4}} if known else {},
    }
    if known:
        (folder / "digests.yml").write_text(yaml.safe_dump(data["images"]))
    hosts = [
        ("@fake/one", {**data, "workbench": {**WORKBENCH, "builder": builder}}),
        ("@fake/two", {**data, "workbench": WORKBENCH}),
    ]
    file = folder / "hosts.py"
    # fake_lab.py counts commands at the end of a run.
    imports = "import tests.unit.fake_lab\nfrom tests.unit.test_build_images import InTurn\n"
    file.write_text(f"{imports}hosts = {hosts!r}\n")
    return file


def build(folder: Path, responses: dict[str, object], **about: bool) -> Finished:
    return Finished(folder, "-y", str(inventory(folder, responses, **about)), "deploys/workbench_images.py")


def test_an_image_that_the_registry_has_is_not_built_again(tmp_path: Path) -> None:
    finished = build(
        tmp_path, {"ask the registry for workbench images": f"found\t{reference()}\t{manifest()}"}, known=True
    )
    assert finished.lines[-1] == "xpulab: hosts=2 converged=2 changed=0 refused=0 failed=0"
    assert finished.commands == {"@fake/one": 2, "@fake/two": 1}


def test_a_missing_image_is_built_pushed_and_written_down(tmp_path: Path) -> None:
    asked = InTurn(f"missing\t{reference()}", f"found\t{reference()}\t{manifest()}")
    finished = build(
        tmp_path, {"ask the registry for workbench images": asked, "docker build": ["built", "1420000000"]}
    )
    assert finished.lines[-1] == "xpulab: hosts=2 converged=2 changed=1 refused=0 failed=0", finished.errors
    assert finished.commands == {"@fake/one": 4, "@fake/two": 1}
    written = workbench_digests.read(tmp_path / "digests.yml")[reference()]
    assert (written.digest, written.disk_gb) == (DIGEST, 1.42)


def test_a_push_that_left_nothing_in_the_registry_is_a_failure(tmp_path: Path) -> None:
    finished = build(
        tmp_path,
        {"ask the registry for workbench images": f"missing\t{reference()}", "docker build": "1420000000"},
    )
    assert "the registry does not have registry.lab.test/xpulab-workbench:cpu" in "\n".join(finished.lines)
    assert finished.lines[-1] == "xpulab: hosts=2 converged=0 changed=0 refused=0 failed=2"
    assert not (tmp_path / "digests.yml").exists()


def test_digests_that_were_lost_come_from_the_registry_and_the_size_from_a_pull(tmp_path: Path) -> None:
    finished = build(
        tmp_path,
        {
            "ask the registry for workbench images": f"found\t{reference()}\t{manifest()}",
            "measure ": ["1420000000"],
        },
    )
    assert finished.lines[-1] == "xpulab: hosts=2 converged=2 changed=0 refused=0 failed=0"
    written = workbench_digests.read(tmp_path / "digests.yml")[reference()]
    assert (written.digest, written.disk_gb) == (DIGEST, 1.42)


def test_older_images_stay_written_down(tmp_path: Path) -> None:
    older = "registry.lab.test/xpulab-workbench:cpu-torch2.11.0-0123456789ab"
    (tmp_path / "digests.yml").write_text(yaml.safe_dump({older: {"digest": DIGEST, "disk_gb": 1.0}}))
    build(
        tmp_path,
        {
            "ask the registry for workbench images": f"found\t{reference()}\t{manifest()}",
            "measure ": ["1420000000"],
        },
    )
    assert set(workbench_digests.read(tmp_path / "digests.yml")) == {older, reference()}


def test_a_failed_build_is_the_failure_of_every_host_that_waits_for_it(tmp_path: Path) -> None:
    failing = {"success": False, "stderr": "no space left on device"}
    finished = build(
        tmp_path,
        {"ask the registry for workbench images": f"missing\t{reference()}", "docker build": failing},
    )
    text = "\n".join(finished.lines)
    assert "@fake/one: build registry.lab.test/xpulab-workbench:cpu" in text
    assert "no space left on device" in text
    assert "@fake/two: the run ended before it was converged" in text
    assert finished.status == 1


def test_a_file_of_digests_that_nobody_can_read_is_named_before_anything_is_built(tmp_path: Path) -> None:
    (tmp_path / "digests.yml").write_text("images: [")
    finished = build(
        tmp_path,
        {"ask the registry for workbench images": f"missing\t{reference()}", "docker build": "1420000000"},
    )
    assert f"{tmp_path / 'digests.yml'}: cannot be read" in "\n".join(finished.lines)
    assert finished.commands["@fake/one"] == 1


def test_without_a_builder_every_host_that_needs_an_image_is_refused(tmp_path: Path) -> None:
    finished = build(tmp_path, {}, builder=False)
    assert finished.lines[-1] == "xpulab: hosts=2 converged=0 changed=0 refused=2 failed=0"
    assert "set workbench.builder: true at one host" in "\n".join(finished.lines)


def test_a_registrys_nonsense_is_not_taken_for_an_answer() -> None:
    with pytest.raises(ValueError, match="an index of several platforms"):
        build_scripts.answered([f"found\tr:t\t{base64.b64encode(b'[]').decode()}"])
    with pytest.raises(ValueError, match="no size"):
        build_scripts.size(["Untagged: x"])
    assert build_scripts.answered([f"found\tr:t\t{manifest()}"])["r:t"] == build_scripts.InRegistry(
        DIGEST, 10_000
    )
