"""The host answers, the main job has been there, and its record names devices that exist."""

from __future__ import annotations

from .lab import LabHost
from .provisioned_host import ProvisionedHost


def test_host_is_ready_to_be_verified(lab_host: LabHost) -> None:
    problem = lab_host.survey.problem
    assert not problem, f"{lab_host}: {problem}"


def test_recorded_accelerators_are_on_the_pci_bus(provisioned_host: ProvisionedHost) -> None:
    bus = {(each.address, each.pci_id) for each in provisioned_host.lab_host.survey.pci}
    lost = [each for each in provisioned_host.record.accelerators if (each.address, each.pci_id) not in bus]
    assert not lost, (
        f"{provisioned_host}: recorded, but not on the PCI bus: {[each.name for each in lost]}; "
        "reseat the card, or run the main job again if it was taken out"
    )


def test_recorded_accelerators_belong_to_the_recorded_vendor(provisioned_host: ProvisionedHost) -> None:
    ids = {"nvidia": "10de", "intel": "8086"}
    vendor_ids = {ids[vendor] for vendor in provisioned_host.record.vendors if vendor in ids}
    found = {each.pci_id.partition(":")[0] for each in provisioned_host.record.accelerators}
    assert found == vendor_ids, (
        f"{provisioned_host}: recorded as {' + '.join(provisioned_host.record.vendors)}, with accelerators "
        f"of PCI vendors {sorted(found) or 'none'}; run the main job again"
    )


def test_nvidia_gpu_on_a_cpu_host_is_explained(cpu_host: ProvisionedHost) -> None:
    gpus = [gpu.pci_id for gpu in cpu_host.lab_host.survey.accelerators_of("10de")]
    assert not gpus or cpu_host.record.notes, (
        f"{cpu_host}: recorded as a CPU host, without a note on why its NVIDIA GPUs {gpus} are not used; "
        "run the main job again"
    )
