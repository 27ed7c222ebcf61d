"""How an apt repository stands on a host: its keyring, its source file, and keys accepted by fingerprint."""

from __future__ import annotations

from collections.abc import Sequence

from pysequoia import Cert

from xpulab.desired.manifest import AptRepository, File


class KeyRefused(Exception):
    """A downloaded key is not one of the pinned ones; the message names both, `remedy` what to do."""

    def __init__(self, reason: str, repository: AptRepository) -> None:
        """Say why a key of this repository is refused."""
        super().__init__(reason)
        self.remedy = (
            "check the new fingerprint with the vendor, then pin it: "
            f"repositories.{repository.name}.fingerprints in the inventory"
        )


def keyring_path(repository: AptRepository) -> str:
    """Where the repository's keys stand. The name carries the key ids, so a new pin is a new file."""
    ids = "-".join(fingerprint[-16:] for fingerprint in repository.fingerprints)
    return f"/etc/apt/keyrings/xpulab-{repository.name}-{ids}.gpg"


def source_file(repository: AptRepository) -> File:
    """The repository's deb822 source file."""
    lines = [
        "# managed by xpulab",
        "Types: deb",
        f"URIs: {repository.uri}",
        f"Suites: {repository.suite}",
        *([f"Components: {' '.join(repository.components)}"] if repository.components else []),
        "Architectures: amd64",
        f"Signed-By: {keyring_path(repository)}",
    ]
    path = f"/etc/apt/sources.list.d/xpulab-{repository.name}.sources"
    return File(path, "\n".join(lines) + "\n", phase="before-packages")


def accepted_keys(downloaded: bytes, repository: AptRepository) -> bytes:
    """The pinned keys among the downloaded ones, as a binary keyring.

    Raises KeyRefused when none of them is pinned, or when the download holds no OpenPGP key.
    """
    try:
        certificates: Sequence[Cert] = Cert.split_bytes(downloaded)
    except RuntimeError as error:
        why = str(error).partition("\n")[0]
        raise KeyRefused(f"{repository.key_url} is no OpenPGP key ({why})", repository) from error
    found = {certificate.fingerprint.upper(): certificate for certificate in certificates}
    accepted = [found[fingerprint] for fingerprint in repository.fingerprints if fingerprint in found]
    if not accepted:
        raise KeyRefused(
            f"the apt key at {repository.key_url} has fingerprint {', '.join(found) or 'none'}, pinned for "
            f"{repository.name} is {' or '.join(repository.fingerprints)}",
            repository,
        )
    return b"".join(bytes(certificate) for certificate in accepted)
