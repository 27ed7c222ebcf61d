"""The entry point's choice of a device, on made-up /dev and /sys."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from xpulab.workbench.image import HERE

sys.path.append(str(HERE / "root/usr/local/lib/xpulab"))

from workbench.activation import about_image, activated, chosen_device
from workbench.devices import present, render_groups
from workbench.refusal import Refused

UNIFIED = {
    "family": "unified",
    "torch": "2.13.0",
    "environments": {each: f"/opt/xpulab/{each}" for each in ("cpu", "xpu", "cuda")},
}
CUDA = {
    "family": "cuda",
    "torch": "2.14.1",
    "environments": dict.fromkeys(("cuda", "cpu"), "/opt/xpulab/cuda"),
}


def node(root: Path, name: str) -> None:
    (root / "dev" / name).parent.mkdir(parents=True, exist_ok=True)
    (root / "dev" / name).touch()


def nvidia(root: Path) -> None:
    for name in ("nvidiactl", "nvidia0", "nvidia-uvm"):
        node(root, name)


def render_node(root: Path, number: int, vendor: str | None) -> None:
    node(root, f"dri/renderD{number}")
    if vendor:
        folder = root / f"sys/class/drm/renderD{number}/device"
        folder.mkdir(parents=True)
        (folder / "vendor").write_text(f"{vendor}\n")


def on_pci(root: Path, vendor: str, pci_class: str) -> None:
    folder = root / "sys/bus/pci/devices/0000:01:00.0"
    folder.mkdir(parents=True)
    (folder / "vendor").write_text(f"{vendor}\n")
    (folder / "class").write_text(f"{pci_class}\n")


def test_a_container_without_devices_has_the_cpu(tmp_path: Path) -> None:
    assert present(tmp_path) == ("cpu",)


def test_nvidia_takes_a_card_and_the_control_node(tmp_path: Path) -> None:
    node(tmp_path, "nvidiactl")
    node(tmp_path, "nvidia-uvm")
    assert present(tmp_path) == ("cpu",)
    node(tmp_path, "nvidia3")
    assert present(tmp_path) == ("cuda", "cpu")


def test_intel_takes_a_render_node_of_intels(tmp_path: Path) -> None:
    render_node(tmp_path, 128, "0x8086")
    assert present(tmp_path) == ("xpu", "cpu")


@pytest.mark.parametrize("vendor", ["0x10de", "0x1002"])
def test_a_render_node_of_another_vendor_is_no_xpu(tmp_path: Path, vendor: str) -> None:
    render_node(tmp_path, 128, vendor)
    assert present(tmp_path) == ("cpu",)


def test_a_render_node_that_sysfs_keeps_quiet_about_was_handed_in_on_purpose(tmp_path: Path) -> None:
    render_node(tmp_path, 128, None)
    assert present(tmp_path) == ("xpu", "cpu")


def test_cuda_comes_before_xpu_where_both_are(tmp_path: Path) -> None:
    nvidia(tmp_path)
    render_node(tmp_path, 128, "0x10de")
    render_node(tmp_path, 129, "0x8086")
    assert chosen_device(UNIFIED, None, tmp_path) == "cuda"
    assert chosen_device(UNIFIED, "xpu", tmp_path) == "xpu"
    assert chosen_device(UNIFIED, "cpu", tmp_path) == "cpu"


def test_a_device_that_the_image_has_no_environment_for_is_passed_over(tmp_path: Path) -> None:
    render_node(tmp_path, 128, "0x8086")
    assert chosen_device(CUDA, None, tmp_path) == "cpu"


def test_an_override_that_is_not_there_says_what_is_missing_and_how_to_start(tmp_path: Path) -> None:
    render_node(tmp_path, 128, "0x8086")
    with pytest.raises(Refused, match=r"XPULAB_DEVICE=cuda, but there is no NVIDIA device .* --gpus all"):
        chosen_device(UNIFIED, "cuda", tmp_path)


def test_a_card_of_the_host_that_was_not_handed_in_is_named(tmp_path: Path) -> None:
    on_pci(tmp_path, "0x8086", "0x030000")
    with pytest.raises(Refused, match=r"XPULAB_DEVICE=xpu, .*though the host has one.* --device /dev/dri"):
        chosen_device(UNIFIED, "xpu", tmp_path)


def test_a_bridge_is_no_card(tmp_path: Path) -> None:
    on_pci(tmp_path, "0x10de", "0x068000")
    with pytest.raises(Refused) as refusal:
        chosen_device(UNIFIED, "cuda", tmp_path)
    assert "though the host has one" not in str(refusal.value)


def test_an_override_that_the_image_is_not_made_for_names_the_image_that_is(tmp_path: Path) -> None:
    render_node(tmp_path, 128, "0x8086")
    with pytest.raises(
        Refused, match="this is a cuda image, with environments for cuda and cpu: use the xpu"
    ):
        chosen_device(CUDA, "xpu", tmp_path)


def test_an_override_that_is_no_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="use cuda, xpu or cpu"):
        chosen_device(UNIFIED, "rocm", tmp_path)


def test_activation_puts_one_environment_in_front_and_keeps_its_pytorch() -> None:
    first = activated(UNIFIED, "xpu", {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"})
    assert first["PATH"] == "/opt/xpulab/xpu/bin:/usr/bin:/bin"
    assert first["LANG"] == "C.UTF-8"
    assert first["PIP_CONSTRAINT"] == "/opt/xpulab/xpu/constraints.txt"
    second = activated(UNIFIED, "cpu", first)
    assert second["PATH"] == "/opt/xpulab/cpu/bin:/usr/bin:/bin"
    assert second["VIRTUAL_ENV"] == "/opt/xpulab/cpu"


def test_the_image_says_what_it_is_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "etc/xpulab").mkdir(parents=True)
    (tmp_path / "etc/xpulab/image.json").write_text(json.dumps(UNIFIED))
    assert about_image(tmp_path) == UNIFIED


def test_the_groups_of_render_nodes_are_those_of_their_owners(tmp_path: Path) -> None:
    assert render_groups(tmp_path) == frozenset()
    render_node(tmp_path, 128, None)
    assert render_groups(tmp_path) == {(tmp_path / "dev/dri/renderD128").stat().st_gid}
