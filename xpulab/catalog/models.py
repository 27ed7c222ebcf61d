"""The whole catalog."""

from __future__ import annotations

from functools import cached_property

from xpulab.catalog.entry import DeviceId, Record
from xpulab.catalog.images import CatalogImage, ImageRepository
from xpulab.catalog.intel import IntelCompute, IntelFamily, IntelOneapi
from xpulab.catalog.nvidia import ContainerToolkit, Cuda, NvidiaDriver, NvidiaFamily
from xpulab.catalog.systems import Engine, LaterSystem, OperatingSystem, PciVendor, Repository
from xpulab.catalog.workbench import WorkbenchParts


class Catalog(Record):
    """All that xpulab knows about vendors, checked and with sources."""

    operating_systems: dict[str, OperatingSystem]
    later_systems: dict[str, LaterSystem]
    pci_vendors: dict[DeviceId, PciVendor]
    nvidia_families: dict[str, NvidiaFamily]
    nvidia_driver: NvidiaDriver
    nvidia_container_toolkit: ContainerToolkit
    cuda: dict[str, Cuda]
    intel_devices: dict[str, IntelFamily]
    intel_compute: IntelCompute
    intel_oneapi: IntelOneapi
    docker: dict[str, Engine]
    images: dict[str, ImageRepository]
    repositories: dict[str, Repository]
    workbench: WorkbenchParts

    @cached_property
    def every_image(self) -> tuple[CatalogImage, ...]:
        """Every image, in the order of the file."""
        return tuple(
            CatalogImage(
                reference=f"{repository}:{tag}",
                vendor=image.vendor or images.vendor,
                torch=image.torch,
                cuda=image.cuda,
                compute_capabilities=image.compute_capabilities,
                families=image.families,
                digest=image.digest,
                disk_gb=image.disk_gb or images.disk_gb,
                note=image.note,
            )
            for repository, images in self.images.items()
            for tag, image in images.tags.items()
        )

    @cached_property
    def known_images(self) -> frozenset[str]:
        """The references of every image that a lab may pin."""
        systems = (each.image for each in self.workbench.systems.values())
        return frozenset((*(image.reference for image in self.every_image), *systems))

    @cached_property
    def intel_by_device(self) -> dict[str, tuple[str, str]]:
        """Family key and product name by Intel device id."""
        return {
            device: (key, name)
            for key, family in self.intel_devices.items()
            for name, devices in family.devices.items()
            for device in devices
        }
