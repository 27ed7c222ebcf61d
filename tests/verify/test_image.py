"""The recorded image is there, and PyTorch in it computes on the accelerator."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .provisioned_host import ProvisionedHost

RUN_AGAIN = "run the main job again"

# Four is the sum of two elements of 1 + 1; an image whose torch has no tensors answers None.
ASK_TORCH = """
import json, torch
xpu = getattr(torch, "xpu", None)
answer = {
    "version": str(torch.__version__),
    "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
    "xpu": xpu.device_count() if xpu is not None and xpu.is_available() else 0,
    "sum": None,
}
if hasattr(torch, "ones"):
    device = "cuda" if answer["cuda"] else "xpu" if answer["xpu"] else "cpu"
    answer["sum"] = float((torch.ones(2, device=device) + 1).sum())
print(json.dumps(answer))
"""


def test_image_is_present(provisioned_host: ProvisionedHost) -> None:
    record = provisioned_host.record
    present = provisioned_host.succeeds("docker image inspect %s", record.image_by_digest, as_root=True)
    assert present, (
        f"{provisioned_host}: {record.image_by_digest} is not on the host; {RUN_AGAIN}, it pulls it"
    )


def test_image_tag_means_a_digest_and_the_recorded_one_where_one_is_pinned(
    provisioned_host: ProvisionedHost,
) -> None:
    record = provisioned_host.record
    digests = provisioned_host.output(
        "docker image inspect --format %s %s", '{{join .RepoDigests " "}}', record.image, as_root=True
    )
    assert (record.digest or "@sha256:") in digests, (
        f"{provisioned_host}: {record.image} is another image here ({digests or 'from no registry'}) "
        f"than the recorded {record.digest or 'one, which comes from a registry'}; {RUN_AGAIN}"
    )


def test_container_computes_on_every_nvidia_gpu(nvidia_image_host: ProvisionedHost) -> None:
    device = "--device=nvidia.com/gpu=all" if nvidia_image_host.engine_has_cdi else "--gpus=all"
    _assert_sees_nvidia_gpus(nvidia_image_host, device)


def test_gpus_all_works_beside_cdi(nvidia_image_host: ProvisionedHost) -> None:
    if not nvidia_image_host.engine_has_cdi:
        pytest.skip(f"{nvidia_image_host}'s engine has no CDI: its GPUs were checked with --gpus all already")
    if not nvidia_image_host.succeeds("command -v nvidia-container-runtime-hook", as_root=True):
        pytest.skip(f"{nvidia_image_host} is set up for CDI alone: it has no nvidia-container-runtime-hook")
    _assert_sees_nvidia_gpus(nvidia_image_host, "--gpus=all")


def _assert_sees_nvidia_gpus(host: ProvisionedHost, device: str) -> None:
    answer = _ask_torch(host, device)
    gpus = len(host.nvidia_gpus)
    assert answer["cuda"] >= gpus, (
        f"{host}: torch {answer['version']} with {device} sees "
        f"{answer['cuda']} of {gpus} GPUs; see `nvidia-smi`"
    )
    _assert_computed(host, answer)


def test_container_of_an_ordinary_user_computes_on_every_intel_accelerator(
    intel_image_host: ProvisionedHost,
) -> None:
    # By number: the image need not know a group of that name.
    groups = sorted({f"--group-add={node.gid}" for node in intel_image_host.render_nodes.values()})
    answer = _ask_torch(intel_image_host, "--device=/dev/dri", "--user=1000:1000", "--env=HOME=/tmp", *groups)
    wanted = len(intel_image_host.intel_accelerators)
    assert answer["xpu"] >= wanted, (
        f"{intel_image_host}: torch {answer['version']} sees {answer['xpu']} of {wanted} accelerators "
        f"with {groups}; see `clinfo -l`"
    )
    _assert_computed(intel_image_host, answer)


def test_container_computes_on_the_processor(cpu_host: ProvisionedHost) -> None:
    answer = _ask_torch(cpu_host)
    assert (answer["cuda"], answer["xpu"]) == (0, 0), (
        f"{cpu_host}: torch sees an accelerator nobody gave it: {answer}"
    )
    _assert_computed(cpu_host, answer)


def _assert_computed(host: ProvisionedHost, answer: dict[str, Any]) -> None:
    assert answer["sum"] in (None, 4.0), f"{host}: torch computes 1+1 + 1+1 = {answer['sum']}"


def _ask_torch(host: ProvisionedHost, *options: str) -> dict[str, Any]:
    """What torch answers in a container of the recorded image, which is never pulled for it."""
    command = ["docker", "run", "--rm", "--pull=never", "--network=none", *options]
    command += [host.record.image_by_digest, "python", "-c", ASK_TORCH]
    result = host.run(" ".join("%s" for _ in command), *command, as_root=True)
    if result.rc != 0:
        shown = " ".join(command[:-1])
        pytest.fail(f"{host}: `{shown} …` ended with {result.rc}: {result.stderr.strip()[-2000:]}")
    answer: dict[str, Any] = json.loads(result.stdout.strip().splitlines()[-1])
    return answer
