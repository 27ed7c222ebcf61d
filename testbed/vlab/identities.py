"""Keys of the lab: a certificate authority, a signing key per vendor, ssh keys of hosts and user."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vlab.command import run
from vlab.hosts import Lab
from vlab.places import CLIENT_KEY, HOST_CONFIGS, KEYS, KNOWN_HOSTS
from vlab.steps import digest


def make_authority(names: list[str]) -> None:
    """Make the lab's certificate authority and a certificate for upstream's host names."""
    KEYS.mkdir(parents=True, exist_ok=True)
    authority, authority_key = KEYS / "ca.crt", KEYS / "ca.key"
    if not (authority.is_file() and authority_key.is_file()):
        new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650"]
        what = ["-subj", "/CN=xpulab testbed CA", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
        run([*new, *what, "-keyout", authority_key, "-out", authority])
    wanted = digest(authority, *names)
    certified = KEYS / "tls.names"
    if certified.is_file() and certified.read_text() == wanted:
        return
    request, extensions = KEYS / "tls.csr", KEYS / "tls.ext"
    alternatives = ",".join(f"DNS:{name}" for name in names)
    extensions.write_text(f"subjectAltName={alternatives}\nextendedKeyUsage=serverAuth\n")
    ask = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=upstream"]
    run([*ask, "-keyout", KEYS / "tls.key", "-out", request])
    issuer = ["-CA", str(authority), "-CAkey", str(authority_key), "-CAcreateserial", "-days", "3650"]
    issue = ["openssl", "x509", "-req", "-in", str(request), "-extfile", str(extensions)]
    run([*issue, *issuer, "-out", KEYS / "tls.crt"])
    certified.write_text(wanted)


def make_signing_key(vendor: str) -> str:
    """Make the vendor's signing key unless it exists, and return its fingerprint."""
    secret, public, fingerprint = (KEYS / f"{vendor}.{kind}" for kind in ("sec", "asc", "fpr"))
    if not fingerprint.is_file():
        KEYS.mkdir(parents=True, exist_ok=True)
        with _keyring() as gpg:
            owner = f"xpulab testbed stand-in for {vendor}"
            run([*gpg, "--passphrase", "", "--quick-gen-key", owner, "rsa2048", "sign", "never"])
            rows = [line.split(":") for line in run([*gpg, "--with-colons", "--list-keys"]).splitlines()]
            secret.write_text(run([*gpg, "--armor", "--export-secret-keys"]))
            public.write_text(run([*gpg, "--armor", "--export"]))
        fingerprint.write_text(next(row[9] for row in rows if row[0] == "fpr"))
    return fingerprint.read_text()


def sign(release: Path, vendor: str) -> None:
    """Sign an apt Release file as the vendor does: InRelease and Release.gpg."""
    with _keyring() as gpg:
        run([*gpg, "--import", KEYS / f"{vendor}.sec"])
        for kind, target in (("--clearsign", "InRelease"), ("--detach-sign", "Release.gpg")):
            run([*gpg, "--yes", "--armor", kind, "--output", str(release.parent / target), release])


@contextmanager
def _keyring() -> Iterator[list[str]]:
    """Give a gpg command with a keyring of its own."""
    # A socket's path holds at most 107 characters, and the clone may lie deeper than that.
    home = Path(tempfile.mkdtemp(prefix="xpulab-gpg-"))
    try:
        yield ["gpg", "--homedir", str(home), "--batch"]
    finally:
        run(["gpgconf", "--homedir", home, "--kill", "all"])
        shutil.rmtree(home, ignore_errors=True)


def make_ssh_keys(lab: Lab) -> None:
    """Make the user's key, the hosts' keys, and the known_hosts file that names them."""
    _ssh_key(CLIENT_KEY, "xpulab testbed")
    lines = []
    for host in lab.hosts.values():
        key = HOST_CONFIGS / host.name / "ssh_host_ed25519_key"
        _ssh_key(key, host.name)
        lines.append(f"{host.address},{host.name} {key.with_suffix('.pub').read_text()}")
    KNOWN_HOSTS.write_text("".join(lines))


def _ssh_key(path: Path, comment: str) -> None:
    if not path.with_suffix(".pub").is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path])
