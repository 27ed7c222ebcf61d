"""Keys of apt repositories: fetched on the host, accepted by fingerprint only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from shlex import quote

from pysequoia import Cert

from xpulab.desired.kinds.apt_repository import AptRepository, seal
from xpulab.shell.scripts import script, write_bytes


class KeyRefused(Exception):
    """A downloaded key is not one of the pinned ones; the message names both, `remedy` what to do."""

    def __init__(self, reason: str, repository: AptRepository) -> None:
        """Say why a key of this repository is refused."""
        super().__init__(reason)
        self.remedy = (
            "check the new fingerprint with the vendor, then pin it: "
            f"repositories.{repository.name}.fingerprints in the inventory"
        )


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


def fetch_keys_script(repositories: Iterable[AptRepository]) -> str:
    """Shell that prints `name<TAB>base64 of the key` per repository, fetched by apt's own downloader."""
    fetch = "/usr/lib/apt/apt-helper -q download-file"
    lines = ["dir=$(mktemp -d)", "trap 'rm -rf \"$dir\"' EXIT"]
    for each in repositories:
        lines += [
            f'{fetch} {quote(each.key_url)} "$dir"/{quote(each.name)} >&2',
            f"printf '%s\\t' {quote(each.name)}",
            f"base64 \"$dir\"/{quote(each.name)} | tr -d '\\n'",
            "echo",
        ]
    return script(lines)


def write_keyring_script(keyring: str, keys: bytes) -> str:
    """Shell that writes a keyring and seals it: a look tells by the seal whether it still is what was
    accepted."""
    return script(
        [
            f"rm -f {quote(keyring)}.*",
            write_bytes(keyring, keys),
            f": >{quote(seal(keyring, hashlib.sha256(keys).hexdigest()))}",
        ]
    )
