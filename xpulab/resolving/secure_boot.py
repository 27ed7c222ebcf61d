"""What Secure Boot allows: kernel modules signed by the distribution, or with a key that its owner enrolled.

https://documentation.ubuntu.com/server/how-to/graphics/install-nvidia-drivers/
"""

from __future__ import annotations

from xpulab.inventory.settings import Policy
from xpulab.probing.observed import Observed

DKMS_REFUSED = (
    "its kernel module is built on the host (DKMS), and Secure Boot loads it only with an enrolled "
    "machine owner key"
)
ENROL = (
    "turn Secure Boot off in the firmware settings, or enrol DKMS's key at the console (mokutil --import) "
    "and set policy machine_owner_key: enrolled"
)


def refuses_dkms(observed: Observed, policy: Policy) -> bool:
    """Whether the host would not load a module that DKMS built."""
    return observed.secure_boot and policy.machine_owner_key == "none"
