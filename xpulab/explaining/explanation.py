"""What a host would get, with its whole manifest, and the same as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from xpulab.catalog.models import Catalog
from xpulab.desired.kinds.apt_repository import AptRepository
from xpulab.desired.kinds.package import Package
from xpulab.desired.manifest import Manifest
from xpulab.desired.role import Role
from xpulab.desired.state import desired
from xpulab.inventory.settings import HostSettings
from xpulab.probing.observed import Observed
from xpulab.resolving.resolve import resolve
from xpulab.resolving.target import Accelerator, Target
from xpulab.schema.refusal import Refusal


@dataclass(frozen=True)
class Explanation:
    """A target with its manifest, or a refusal."""

    answer: Target | Refusal
    manifest: Manifest = field(default_factory=Manifest)


def explain(
    observed: Observed, settings: HostSettings, catalog: Catalog, roles: Sequence[Role]
) -> Explanation:
    """The answer for a host as it would be on a run."""
    answer = resolve(observed, settings, catalog)
    if isinstance(answer, Refusal):
        return Explanation(answer)
    wanted = desired(roles, answer, settings, catalog)
    return Explanation(wanted) if isinstance(wanted, Refusal) else Explanation(answer, wanted.manifest)


def as_json(explanation: Explanation) -> dict[str, Any]:
    """`target` or `refusal`, the other one null."""
    answer = explanation.answer
    if isinstance(answer, Refusal):
        return {"target": None, "refusal": {"reason": answer.reason, "remedy": answer.remedy}}
    return {"target": _target(answer, explanation.manifest), "refusal": None}


def _target(target: Target, manifest: Manifest) -> dict[str, Any]:
    driver = target.driver
    return {
        "vendor": target.vendor,
        "accelerators": [_accelerator(each) for each in target.accelerators],
        "driver": {"branch": driver.branch, "modules": driver.modules} if driver else None,
        # The kernel to run: the present one, or the package that brings the one to reboot into.
        "kernel": target.kernel_upgrade.package if target.kernel_upgrade else target.kernel,
        "repositories": [repository.name for repository in manifest.of(AptRepository)],
        "packages": [package.apt_argument for package in manifest.of(Package)],
        "image": target.image.reference,
        "notes": list(target.notes),
    }


def _accelerator(accelerator: Accelerator) -> dict[str, str | None]:
    return {
        "pci_id": accelerator.pci_id,
        "name": accelerator.name,
        "family": accelerator.family,
        "compute_capability": accelerator.compute_capability,
    }
