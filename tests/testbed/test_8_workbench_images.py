"""Workbench images: built once on the builder, from the lab's own servers, and what is in them.

PyTorch's CPU build and JupyterLab are real; its builds for GPUs are stand-ins, and so are the devices.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.testbed.conftest import HOSTS
from tests.testbed.lab import (
    ROOT,
    TESTBED_HOSTS,
    Finished,
    commands_over_ssh,
    host_data,
    lab_file,
    on,
    pyinfra,
)
from xpulab.inventory import workbench_digests

STATE = ROOT / ".testbed"
BUILDER = "cpu1"
NVIDIA = "--device /dev/null:/dev/nvidiactl --device /dev/null:/dev/nvidia0"
INTEL = "--device /dev/null:/dev/dri/renderD128"
WRONG_KEY = {"intel-gpu": {"fingerprints": ["0" * 40]}}

pytestmark = [pytest.mark.timeout(1200), pytest.mark.usefixtures("with_workbenches")]


def build_for_testbed() -> Finished:
    """What the testbed's own inventory asks for: unified images for three hosts, and the one for the CPU."""
    return pyinfra("-y", str(TESTBED_HOSTS), "deploys/workbench_images.py")


def build_for(lab: Path, *arguments: str) -> Finished:
    return pyinfra("-y", "inventory.py", "deploys/workbench_images.py", *arguments, XPULAB_LAB=str(lab))


def lab_of(folder: Path, *names: str, image: str = "auto", **changes: Any) -> Path:
    """A lab of these hosts, of which the builder is one."""
    data = host_data(*names)[names[0]]["workbench"]
    shared = {"registry": data["registry"], "users": data["users"], "image": image}
    file = lab_file(folder, *names, defaults={"workbench": shared}, **changes)
    lab = yaml.safe_load(file.read_text())
    lab["images"] = {name: each for name, each in lab["images"].items() if "xpulab-workbench" not in name}
    lab["hosts"][BUILDER]["workbench"] = {"builder": True}
    file.write_text(yaml.safe_dump(lab))
    return file


FORGET = """
set -eu
repository=https://registry.lab.test/v2/xpulab-workbench
accept='Accept: application/vnd.docker.distribution.manifest.v2+json'
for tag in $(curl -sS "$repository/tags/list" | grep -o '"[a-z]*-torch[^"]*"' | tr -d '"'); do
    about=$(curl -sSI -H "$accept" "$repository/manifests/$tag" | tr -d '\\r')
    digest=$(printf '%s\\n' "$about" | sed -n 's/^Docker-Content-Digest: //p')
    curl -sSf -o /dev/null -X DELETE "$repository/manifests/$digest"
done
"""


@pytest.fixture(scope="module")
def first_build(provisioned: Finished) -> Finished:
    """The first build of a lab whose registry has no image yet, whatever an earlier run left there."""
    on(BUILDER, FORGET)
    (STATE / workbench_digests.NAME).unlink(missing_ok=True)
    finished = build_for_testbed()
    assert finished.status == 0, finished.everything
    return finished


@pytest.fixture(scope="module")
def made_for_each(first_build: Finished, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Images for NVIDIA and Intel hosts that do not ask for the unified one."""
    finished = build_for(lab_of(tmp_path_factory.mktemp("lab"), "nv1", "intel1", BUILDER))
    assert finished.status == 0, finished.everything
    return finished


def references(host: str = BUILDER) -> dict[str, str]:
    """The newest workbench image of each family in a host's engine; its unified ones are much alike."""
    names = on(host, "docker image ls --format '{{.Repository}}:{{.Tag}}' registry.lab.test/xpulab-workbench")
    found: dict[str, str] = {}
    for name in names.split():
        found.setdefault(name.rpartition(":")[2].partition("-")[0], name)
    return found


def run(image: str, command: str, options: str = "", check: bool = True) -> str:
    return on(BUILDER, f"docker run --rm {options} {references()[image]} {command}", check=check)


def test_the_builder_builds_for_all_hosts_and_the_digests_are_those_of_the_registry(
    first_build: Finished,
) -> None:
    assert first_build.last_line == "xpulab: hosts=4 converged=4 changed=1 refused=0 failed=0"
    known = {
        name: each
        for data in host_data(*HOSTS).values()
        for name, each in data["images"].items()
        if "xpulab-workbench" in name
    }
    families = sorted(name.rpartition(":")[2].partition("-")[0] for name in known)
    assert {"cpu", "unified"} <= set(families)
    for name, each in known.items():
        repository, _, tag = name.removeprefix("registry.lab.test/").rpartition(":")
        url = f"https://registry.lab.test/v2/{repository}/manifests/{tag}"
        accept = "Accept: application/vnd.docker.distribution.manifest.v2+json"
        assert each["digest"] in on(BUILDER, f"curl -sSI -H '{accept}' {url}")
        assert each["disk_gb"] > 0.1


def test_a_second_run_builds_nothing_and_costs_the_builder_one_command_beside_the_probe(
    first_build: Finished,
) -> None:
    before = {host: commands_over_ssh(host) for host in HOSTS}
    again = build_for_testbed()
    assert again.last_line == "xpulab: hosts=4 converged=4 changed=0 refused=0 failed=0"
    commands = {host: commands_over_ssh(host) - before[host] for host in HOSTS}
    assert commands == {"nv1": 1, "intel1": 1, "max1": 1, BUILDER: 2}


def test_lost_digests_are_read_from_the_registry_again(first_build: Finished, tmp_path: Path) -> None:
    file = lab_of(tmp_path, BUILDER)
    finished = build_for(file)
    assert finished.last_line == "xpulab: hosts=1 converged=1 changed=0 refused=0 failed=0"
    assert list(workbench_digests.read(workbench_digests.beside(file))) == [references()["cpu"]]


def test_each_accelerator_has_its_image(made_for_each: Finished) -> None:
    assert set(references()) == {"cuda", "xpu", "cpu", "unified"}
    assert run("cuda", "python -c 'import torch; print(torch.version.cuda)'").startswith("1")
    assert "2.13.0+xpu" in run("xpu", "python -c 'import torch; print(torch.__version__)'")


def test_programs_run_as_an_ordinary_user(first_build: Finished) -> None:
    assert run("cpu", "id -u") == "1000\n"


@pytest.mark.parametrize("image", ["cpu", "unified"])
def test_xpu_check_passes_with_the_real_pytorch(first_build: Finished, image: str) -> None:
    said = run(image, "xpu-check --json", "--ipc=host -e XPULAB_DEVICE=cpu")
    assert json.loads(said)["passed"] is True


@pytest.mark.parametrize(
    ("options", "device", "torch"),
    [("", "cpu", "2.13.0+cpu"), (NVIDIA, "cuda", "2.13.0+cu130"), (INTEL, "xpu", "2.13.0+xpu")],
)
def test_the_unified_image_takes_the_environment_of_the_device_that_is_there(
    first_build: Finished, options: str, device: str, torch: str
) -> None:
    command = """sh -c 'echo $XPULAB_DEVICE; python -c "import torch; print(torch.__version__)"'"""
    assert run("unified", command, options).split() == [device, torch]


def test_an_override_takes_another_environment(first_build: Finished) -> None:
    assert (
        run("unified", "sh -c 'echo $VIRTUAL_ENV'", f"{NVIDIA} -e XPULAB_DEVICE=cpu") == "/opt/xpulab/cpu\n"
    )


def test_an_override_without_its_device_ends_with_a_reason(first_build: Finished) -> None:
    command = (
        f"docker run --rm {INTEL} -e XPULAB_DEVICE=cuda {references()['unified']} true 2>&1; echo status $?"
    )
    said = on(BUILDER, command)
    assert "XPULAB_DEVICE=cuda, but there is no NVIDIA device in this container" in said
    assert said.endswith("status 78\n")


def test_the_xpu_image_has_level_zero_and_opencl_and_trusts_only_the_pinned_key(
    made_for_each: Finished,
) -> None:
    assert (
        run("xpu", "dpkg-query -W -f '${db:Status-Status} ' libze1 libze-intel-gpu1 intel-opencl-icd")
        == "installed installed installed "
    )
    assert "gnupg" not in run("xpu", "dpkg-query -W")


def test_the_list_of_contents_has_pips_and_the_systems_packages(first_build: Finished) -> None:
    listed = json.loads(run("unified", "cat /usr/share/xpulab/sbom.json"))
    torches = {
        path: next(
            each["metadata"]["version"] for each in report["installed"] if each["metadata"]["name"] == "torch"
        )
        for path, report in listed["environments"].items()
        if not path.endswith("/jupyter")
    }
    assert torches == {
        "/opt/xpulab/cpu": "2.13.0+cpu",
        "/opt/xpulab/xpu": "2.13.0+xpu",
        "/opt/xpulab/cuda": "2.13.0+cu130",
    }
    assert "openssh-server" in {each["name"] for each in listed["packages"]}


def test_labels_tell_what_was_resolved(first_build: Finished) -> None:
    image = references()["cpu"]
    labels = json.loads(on(BUILDER, f"docker image inspect --format '{{{{json .Config.Labels}}}}' {image}"))
    assert labels["org.xpulab.family"] == "cpu"
    assert labels["org.opencontainers.image.base.name"] == "ubuntu:24.04"
    assert labels["org.opencontainers.image.revision"] == image.rpartition("-")[2]


def test_pip_installs_into_the_users_home_and_leaves_pytorch_alone(first_build: Finished) -> None:
    script = (
        "pip install --quiet hatchling && python -c 'import hatchling; print(hatchling.__file__)'; "
        "pip install --quiet torch==2.11.0 2>&1"
    )
    said = run("cpu", f'sh -c "{script}"', "--network=host", check=False)
    assert said.startswith("/var/lib/lab/.local/lib/")
    assert "conflicting dependencies" in said


def test_a_key_that_is_not_the_pinned_one_ends_the_build_and_names_the_server(
    made_for_each: Finished, tmp_path: Path
) -> None:
    before = references()
    finished = build_for(lab_of(tmp_path, "intel1", BUILDER, repositories=WRONG_KEY))
    assert finished.status == 1
    assert "has none of the keys 0000000000" in finished.everything
    assert "intel1: the run ended before it was converged" in finished.output
    assert references() == before


def test_a_registry_that_does_not_answer_is_named(provisioned: Finished, tmp_path: Path) -> None:
    file = lab_of(tmp_path, BUILDER)
    lab = yaml.safe_load(file.read_text())
    lab["defaults"]["workbench"]["registry"] = "registry.lab.test:5999"
    file.write_text(yaml.safe_dump(lab))
    finished = build_for(file)
    assert finished.status == 1
    assert "the registry does not answer for registry.lab.test:5999/xpulab-workbench:cpu-" in finished.output


def test_a_run_without_a_builder_says_where_one_is_set(provisioned: Finished, tmp_path: Path) -> None:
    finished = build_for(lab_of(tmp_path, "nv1", BUILDER), "--limit", "nv1")
    assert finished.last_line == "xpulab: hosts=1 converged=0 changed=0 refused=1 failed=0"
    assert "set workbench.builder: true at one host" in finished.output
