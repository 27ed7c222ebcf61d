"""What an inventory may say of a workbench, and the file of digests beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.sample_workbenches import WORKBENCH, public_key
from xpulab.converging.assess import settings_of
from xpulab.desired.lab import load_lab
from xpulab.inventory import workbench_digests
from xpulab.inventory.labfile import LabError
from xpulab.inventory.settings import HostSettings, ImageOverride
from xpulab.roles import BUILT_IN
from xpulab.schema.refusal import Refusal
from xpulab.workbench.settings import Workbench

REFERENCE = "registry.lab.test/xpulab-workbench:cpu-torch2.13.0-0123456789ab"
DIGEST = f"sha256:{'a' * 64}"


def reason(**change: Any) -> str:
    settings = settings_of("gpu-01", {"workbench": {**WORKBENCH, **change}}, BUILT_IN)
    assert isinstance(settings, Refusal), settings
    return settings.reason


def test_registry_and_users_are_enough_and_only_the_host_itself_reaches_it() -> None:
    settings = settings_of("gpu-01", {"workbench": WORKBENCH}, BUILT_IN)
    assert isinstance(settings, HostSettings)
    workbench = settings.section(Workbench)
    assert workbench and str(workbench.bind) == "127.0.0.1"
    assert (workbench.jupyter_port, workbench.ssh_port) == (8888, 2222)


@pytest.mark.parametrize("keys", [[], None])
def test_a_user_without_a_key_is_named(keys: list[str] | None) -> None:
    assert "workbench.users.anna: has no public key" in reason(users={"anna": keys})


@pytest.mark.parametrize(
    "key",
    [
        public_key()[:60],
        public_key().replace("ssh-ed25519", "ssh-rsa"),
        f'command="sh" {public_key()}',
        f"{public_key()}\nssh-ed25519 AAAA",
        "ssh-ed25519",
        "",
    ],
)
def test_a_key_that_is_no_whole_line_of_a_pub_file_is_refused(key: str) -> None:
    assert "workbench.users.anna.0: no whole ssh public key" in reason(users={"anna": [key]})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"users": {"root": [public_key()]}}, "is an account of the image itself"),
        ({"users": {"an na": [public_key()]}}, "pattern"),
        ({"users": {}}, "workbench.users"),
        ({"bind": "gpu-01"}, "workbench.bind: value is not a valid IPv4 or IPv6 address"),
        ({"ssh_port": 8888}, "jupyter_port and ssh_port are the same"),
        ({"jupyter_port": 0}, "workbench.jupyter_port"),
        ({"registry": "docker"}, "workbench.registry"),
        ({"registry": "registry.lab.test; reboot"}, "workbench.registry"),
        ({"device": "rocm"}, "workbench.device"),
        ({"bindd": "127.0.0.1"}, "unknown key, did you mean bind?"),
    ],
)
def test_a_mistake_names_the_key_and_what_is_allowed(change: dict[str, Any], words: str) -> None:
    assert words in reason(**change)


def lab(folder: Path, host: str) -> Path:
    file = folder / "lab.yml"
    file.write_text(
        "lab: physics\n"
        f"defaults: {{workbench: {{registry: registry.lab.test, users: {{anna: ['{public_key()}']}}}}}}\n"
        f"hosts: {{gpu-01: {host}, gpu-02: {{}}}}\n"
    )
    return file


def test_a_host_says_only_what_is_different_about_its_workbench(tmp_path: Path) -> None:
    hosts = dict(load_lab(lab(tmp_path, "{workbench: {network: host}}"), BUILT_IN).hosts)
    assert hosts["gpu-01"]["workbench"] == {**hosts["gpu-02"]["workbench"], "network": "host"}


def test_what_the_builder_wrote_down_pins_every_hosts_image(tmp_path: Path) -> None:
    file = lab(tmp_path, "{}")
    pinned = ImageOverride(digest=DIGEST, disk_gb=1.4)
    workbench_digests.write(workbench_digests.beside(file), {REFERENCE: pinned})
    for _, data in load_lab(file, BUILT_IN).hosts:
        assert data["images"] == {REFERENCE: {"digest": DIGEST, "disk_gb": 1.4}}


def test_what_the_lab_file_pins_itself_wins(tmp_path: Path) -> None:
    file = lab(tmp_path, "{}")
    workbench_digests.write(workbench_digests.beside(file), {REFERENCE: ImageOverride(digest=DIGEST)})
    own = f"sha256:{'b' * 64}"
    file.write_text(f"{file.read_text()}images: {{'{REFERENCE}': {{digest: '{own}'}}}}\n")
    assert dict(load_lab(file, BUILT_IN).hosts)["gpu-01"]["images"][REFERENCE]["digest"] == own


@pytest.mark.parametrize("content", ["- a", "{", "x:y: {digest: latest}", "x:y: 1"])
def test_a_file_of_digests_that_is_none_stops_the_run_and_says_what_to_do(
    tmp_path: Path, content: str
) -> None:
    file = lab(tmp_path, "{}")
    workbench_digests.beside(file).write_text(content)
    with pytest.raises(LabError, match=r"(?s)workbench-images\.yml.*deploys/workbench_images\.py again"):
        load_lab(file, BUILT_IN)


def test_no_digests_at_all_are_no_mistake(tmp_path: Path) -> None:
    assert workbench_digests.read(tmp_path / "workbench-images.yml") == {}
