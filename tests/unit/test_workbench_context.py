"""The build context of a workbench image: the same for the same content, and nothing else in it."""

from __future__ import annotations

import gzip
import io
import json
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.unit.sample_hosts import ARC_A770, HWE, RTX_3090, host, noble
from tests.unit.sample_workbenches import changed, dockerfile, made, of_cpu
from xpulab.probing.observed import Observed
from xpulab.workbench.image import archive

KINDS = {
    "cuda": (host(RTX_3090), "auto"),
    "xpu": (host(ARC_A770, kernel=HWE), "auto"),
    "ppa": (noble(ARC_A770), "auto"),
    "cpu": (host(), "auto"),
    "unified": (host(RTX_3090), "unified"),
}
INSTRUCTIONS = {
    "FROM",
    "USER",
    "RUN",
    "COPY",
    "ENV",
    "LABEL",
    "EXPOSE",
    "HEALTHCHECK",
    "WORKDIR",
    "ENTRYPOINT",
    "CMD",
}


def instructions(text: str) -> list[tuple[str, str]]:
    """A Dockerfile's instructions, with continued lines joined."""
    joined = re.sub(r"\\\n", " ", text)
    lines = [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]


def steps(observed: Observed, image: str) -> list[tuple[str, str]]:
    return instructions(dockerfile(made(observed, image=image)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_dockerfile_has_only_what_the_classic_builder_knows(kind: str) -> None:
    found = steps(*KINDS[kind])
    assert {name for name, _ in found} <= INSTRUCTIONS
    assert not [rest for _, rest in found if "<<" in rest or rest.startswith("--mount") or "--chmod" in rest]
    assert [name for name, _ in found].count("FROM") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_that_a_dockerfile_copies_is_in_the_context_and_the_other_way_round(kind: str) -> None:
    observed, image = KINDS[kind]
    context = made(observed, image=image).context
    sources = [
        source for name, rest in steps(observed, image) if name == "COPY" for source in rest.split()[:-1]
    ]
    copied = {path for path in context for source in sources if path == source or path.startswith(source)}
    # The builder adds its own certificates.
    assert [source for source in sources if not any(path.startswith(source) for path in context)] == [
        "certificates/"
    ]
    assert set(context) - copied == {"Dockerfile"}


@pytest.mark.parametrize("kind", KINDS)
def test_shell_in_a_dockerfile_passes_shellcheck(kind: str, tmp_path: Path) -> None:
    commands = [rest for name, rest in steps(*KINDS[kind]) if name == "RUN"]
    file = tmp_path / "run.sh"
    file.write_text("#!/bin/sh\n" + "\n".join(f"( {command} )" for command in commands) + "\n")
    # cd in a subshell of its own cannot go unnoticed, and a list of one environment is still a list.
    done = subprocess.run(["shellcheck", "--exclude=SC2043", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_runs_as_an_ordinary_user_and_says_how_it_is(kind: str) -> None:
    found = dict(steps(*KINDS[kind]))
    assert found["USER"] == "lab"
    assert found["ENTRYPOINT"] == '["/usr/local/bin/workbench"]'
    assert "/usr/local/bin/workbench-health" in found["HEALTHCHECK"]
    assert found["CMD"] == "[]"


def test_what_comes_from_pypi_is_pinned_with_hashes() -> None:
    for name, content in made(*KINDS["unified"][:1], image="unified").context.items():
        if name.startswith("requirements/"):
            pins = re.findall(rb"^[a-z0-9._-]+==\S+.*$", content, re.M)
            assert pins
            assert all(pin.endswith(b"\\") for pin in pins), name
    installs = [rest for _, rest in steps(*KINDS["unified"]) if "--requirement" in rest]
    assert installs
    assert all(rest.count("--requirement ") == rest.count("--require-hashes") for rest in installs)


def test_a_key_url_of_many_parts_stays_one_word_of_the_shell() -> None:
    assert "'https://keyserver.ubuntu.com/pks/lookup?op=get&search=0x" in dockerfile(made(*KINDS["ppa"][:1]))


def test_a_labs_mirror_is_where_level_zero_comes_from() -> None:
    mirror = {"uri": "https://mirror.lab.test/gpu", "key_url": "https://mirror.lab.test/$(reboot).key"}
    image = made(KINDS["xpu"][0], repositories={"intel-gpu": mirror})
    assert "URIs: https://mirror.lab.test/gpu\n" in image.context["intel.sources"].decode()
    assert "'https://mirror.lab.test/$(reboot).key'" in dockerfile(image)


def test_labels_say_what_was_resolved_and_why() -> None:
    labels = dict(rest.split("=", 1) for name, rest in steps(*KINDS["unified"]) if name == "LABEL")
    assert json.loads(labels["org.xpulab.torch"]) == "2.13.0+cpu, 2.13.0+xpu, 2.13.0+cu130"
    assert json.loads(labels["org.opencontainers.image.base.name"]) == "ubuntu:24.04"
    assert "CUDA build cu130" in json.loads(labels["org.xpulab.why"])


def test_an_image_knows_its_environments_and_computes_on_the_cpu_with_any() -> None:
    about = json.loads(made(KINDS["cuda"][0]).context["image.json"])
    assert about["environments"] == {"cuda": "/opt/xpulab/cuda", "cpu": "/opt/xpulab/cuda"}
    about = json.loads(made(KINDS["unified"][0], image="unified").context["image.json"])
    assert about["environments"] == {each: f"/opt/xpulab/{each}" for each in ("cpu", "xpu", "cuda")}


def test_the_same_content_gives_the_same_archive_and_another_content_another() -> None:
    context = of_cpu().context
    assert archive(context) == archive(dict(reversed(list(context.items()))))
    assert archive(context) != archive(changed(context))


def test_the_reference_changes_with_the_content_alone() -> None:
    assert of_cpu().reference == made(noble()).reference
    assert of_cpu().reference != of_cpu(images={"ubuntu:24.04": {"digest": f"sha256:{'c' * 64}"}}).reference


def test_programs_are_executable_in_the_archive_and_owned_by_root() -> None:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(archive(of_cpu().context)))) as tar:
        modes = {entry.name: (entry.mode, entry.uid, entry.mtime) for entry in tar}
    assert modes["root/usr/local/bin/workbench"] == (0o755, 0, 0)
    assert modes["root/etc/xpulab/sshd_config"] == (0o644, 0, 0)


def test_a_cpu_image_is_the_beginning_of_the_unified_one_so_that_they_share_layers() -> None:
    cpu, unified = steps(*KINDS["cpu"]), steps(*KINDS["unified"])
    shared = next(
        number for number, (one, other) in enumerate(zip(cpu, unified, strict=False)) if one != other
    )
    assert any("torch==2.13.0+cpu" in rest for _, rest in cpu[:shared])
