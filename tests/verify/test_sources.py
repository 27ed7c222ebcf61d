"""Every driver has one source, apt trusts it by a key of its own, and nothing else swaps the driver."""

from __future__ import annotations

import re

from .apt import entries_without_key, parse_config_list
from .provisioned_host import ProvisionedHost
from .vendor_packages import accelerator_stack, intel_driver, nvidia_driver

INTEL_GPU_CHANNEL = re.compile(r"repositories\.intel\.com/(gpu|graphics)|kobuk-team/intel-graphics")


def test_nvidia_driver_has_one_source(nvidia_host: ProvisionedHost) -> None:
    _assert_one_source(nvidia_host, nvidia_driver(nvidia_host.packages))


def test_intel_driver_has_one_source(level_zero_host: ProvisionedHost) -> None:
    _assert_one_source(level_zero_host, intel_driver(level_zero_host.packages))


def _assert_one_source(host: ProvisionedHost, packages: list[str]) -> None:
    sources: dict[str, list[str]] = {}
    for name in packages:
        for publisher in host.publishers(name, host.policies[name].candidate):
            sources.setdefault(publisher, []).append(name)
    assert len(sources) == 1, (
        f"{host}: driver packages come from {len(sources)} sources, one is right: {sources or 'none'}; "
        "remove or pin away the others and run `apt-get update`"
    )


def test_no_other_source_outranks_the_nvidia_driver(nvidia_host: ProvisionedHost) -> None:
    for name in nvidia_driver(nvidia_host.packages):
        policy = nvidia_host.policies[name]
        own = nvidia_host.publishers(name, policy.candidate)
        priority = max(
            (offer.priority for offer in policy.offers if offer.version == policy.candidate), default=0
        )
        rivals = [
            f"{offer.version} (priority {offer.priority})"
            for offer in policy.offers
            if offer.indexes
            and not nvidia_host.publishers(name, offer.version) & own
            and offer.priority >= priority
        ]
        assert not rivals, (
            f"{nvidia_host}: {name} is also offered as {rivals} by a source that is not pinned away; "
            "a newer version there would replace the driver"
        )


def test_at_most_one_intel_gpu_channel(provisioned_host: ProvisionedHost) -> None:
    channels = {
        " ".join(description.split()[:2])
        for description, index in provisioned_host.indexes.items()
        if INTEL_GPU_CHANNEL.search(index.uri)
    }
    assert len(channels) <= 1, (
        f"{provisioned_host}: Intel GPU channels must never mix, but several are configured: "
        f"{sorted(channels)}"
    )


def test_vendor_sources_name_their_own_key(provisioned_host: ProvisionedHost) -> None:
    used = {
        provisioned_host.indexes[index].configured_in
        for name in accelerator_stack(provisioned_host.packages)
        for offer in provisioned_host.policies[name].offers
        for index in offer.indexes
        if index in provisioned_host.indexes
        and not provisioned_host.indexes[index].publisher.endswith(" archive")
    }
    for path in sorted(used):
        bare = entries_without_key(path, provisioned_host.output("cat %s", path))
        assert not bare, f"{provisioned_host}: {path} trusts any key for {bare}; give the entry a Signed-By"


def test_apt_waits_for_its_lock(provisioned_host: ProvisionedHost) -> None:
    timeout = re.search(r'^DPkg::Lock::Timeout "(-?\d+)";$', provisioned_host.apt_config, re.MULTILINE)
    assert timeout and timeout[1] != "0", (
        f"{provisioned_host}: apt fails at once when another process holds its lock; set DPkg::Lock::Timeout"
    )


def test_unattended_upgrades_leave_the_nvidia_driver_alone(nvidia_host: ProvisionedHost) -> None:
    _assert_blocklisted(nvidia_host, nvidia_driver(nvidia_host.packages))


def test_unattended_upgrades_leave_the_intel_driver_alone(intel_host: ProvisionedHost) -> None:
    _assert_blocklisted(intel_host, intel_driver(intel_host.packages))


def _assert_blocklisted(host: ProvisionedHost, packages: list[str]) -> None:
    blocklist = parse_config_list(host.apt_config, "Unattended-Upgrade::Package-Blacklist")
    # unattended-upgrades matches its patterns at the start of the name.
    exposed = [name for name in packages if not any(re.match(pattern, name) for pattern in blocklist)]
    assert not exposed, (
        f"{host}: unattended-upgrades may replace {exposed} under the loaded module; "
        "add them to Unattended-Upgrade::Package-Blacklist"
    )
