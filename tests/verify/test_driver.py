"""The driver that runs is the driver that is installed, and it drives every accelerator."""

from __future__ import annotations

import stat

from .provisioned_host import ProvisionedHost

NVIDIA_LICENCES = {"open": "Dual MIT/GPL", "proprietary": "NVIDIA"}
GROUP_READ_WRITE = stat.S_IRGRP | stat.S_IWGRP


def test_no_reboot_is_pending(provisioned_host: ProvisionedHost) -> None:
    asking = provisioned_host.output(
        "cat /var/run/reboot-required /var/run/reboot-required.pkgs 2>/dev/null || true"
    )
    assert not asking, f"{provisioned_host}: a reboot is pending, reboot the host: {asking}"


def test_nouveau_is_not_loaded(nvidia_host: ProvisionedHost) -> None:
    loaded = nvidia_host.succeeds("test -e /sys/module/nouveau")
    assert not loaded, f"{nvidia_host}: nouveau is loaded and holds the GPU; reboot the host"


def test_every_nvidia_gpu_has_its_driver(nvidia_host: ProvisionedHost) -> None:
    for gpu in nvidia_host.nvidia_gpus:
        driver = nvidia_host.kernel_driver(gpu.address)
        assert driver == "nvidia", (
            f"{nvidia_host}: the GPU at {gpu.address} is driven by {driver or 'nothing'}, not by nvidia; "
            "see `dmesg | grep NVRM`"
        )


def test_loaded_module_is_of_the_user_space_version(nvidia_host: ProvisionedHost) -> None:
    loaded = nvidia_host.run("cat /sys/module/nvidia/version").stdout.strip()
    assert loaded, (
        f"{nvidia_host}: the nvidia kernel module is not loaded; try `modprobe nvidia`, then `dmesg`"
    )
    versions = nvidia_host.nvidia_user_space
    others = {name: version for name, version in versions.items() if version != loaded}
    assert not others, (
        f"{nvidia_host}: kernel module {loaded} runs below user space {others}; reboot the host"
    )


def test_module_on_disk_is_of_the_recorded_flavour(nvidia_host: ProvisionedHost) -> None:
    flavour = nvidia_host.record.drivers["nvidia"].modules
    found = nvidia_host.output("/sbin/modinfo -F license nvidia")
    assert found == NVIDIA_LICENCES.get(flavour), (
        f"{nvidia_host}: the nvidia module's licence is {found!r}, which is not the {flavour} flavour; "
        "run the main job again"
    )


def test_nvidia_smi_lists_every_gpu(nvidia_host: ProvisionedHost) -> None:
    listing = nvidia_host.output("nvidia-smi -L")
    listed = sum(1 for line in listing.splitlines() if line.startswith("GPU "))
    on_bus = len(nvidia_host.nvidia_gpus)
    assert listed == on_bus, (
        f"{nvidia_host}: nvidia-smi lists {listed} of {on_bus} GPUs on the PCI bus; see `dmesg | grep NVRM`"
    )


def test_nvidia_smi_reports_the_loaded_version(nvidia_host: ProvisionedHost) -> None:
    reported = set(nvidia_host.output("nvidia-smi --query-gpu=driver_version --format=csv,noheader").split())
    loaded = nvidia_host.output("cat /sys/module/nvidia/version")
    assert reported == {loaded}, (
        f"{nvidia_host}: nvidia-smi reports {reported}, loaded is {loaded}; reboot the host"
    )


def test_persistence_daemon_runs(nvidia_host: ProvisionedHost) -> None:
    state = nvidia_host.run("systemctl is-active nvidia-persistenced").stdout.strip()
    assert state == "active", (
        f"{nvidia_host}: nvidia-persistenced is {state}, containers with the GPU may not start; "
        "see `journalctl -u nvidia-persistenced`"
    )


def test_every_intel_accelerator_has_its_driver(intel_host: ProvisionedHost) -> None:
    for accelerator in intel_host.intel_accelerators:
        driver = intel_host.kernel_driver(accelerator.address)
        assert driver in ("i915", "xe"), (
            f"{intel_host}: {accelerator.name} at {accelerator.address} is driven by {driver or 'nothing'}, "
            "not by i915 or xe; see `dmesg | grep -E 'i915|xe'`"
        )


def test_every_intel_accelerator_has_a_render_node(intel_host: ProvisionedHost) -> None:
    without = [
        each.name for each in intel_host.intel_accelerators if each.address not in intel_host.render_nodes
    ]
    assert not without, f"{intel_host}: no render node for {without}; see `dmesg | grep -E 'i915|xe'`"


def test_render_nodes_belong_to_the_render_group(intel_host: ProvisionedHost) -> None:
    for node in intel_host.render_nodes.values():
        assert node.group == "render", (
            f"{intel_host}: {node.path} belongs to group {node.group}, not render; run `udevadm trigger`"
        )
        assert node.mode & GROUP_READ_WRITE == GROUP_READ_WRITE, (
            f"{intel_host}: {node.path} has mode {node.mode:o}, its group may not read and write; "
            "run `udevadm trigger`"
        )


def test_loaded_i915_is_the_dkms_one(intel_dkms_host: ProvisionedHost) -> None:
    path = intel_dkms_host.output("/sbin/modinfo -F filename i915")
    assert "/updates/" in path, (
        f"{intel_dkms_host}: i915 for the running kernel is {path}, the kernel's own; see `dkms status`"
    )
    for attribute in ("srcversion", "version"):
        loaded = intel_dkms_host.run("cat %s", f"/sys/module/i915/{attribute}").stdout.strip()
        on_disk = intel_dkms_host.output("/sbin/modinfo -F %s i915", attribute)
        assert loaded == on_disk, (
            f"{intel_dkms_host}: i915 runs with {attribute} {loaded or 'none'}, "
            f"on disk is {on_disk or 'none'}; reboot the host"
        )
