"""The shell that asks for images and pulls them."""

from __future__ import annotations

from shlex import quote

from xpulab.resolving.target import Image
from xpulab.shell.scripts import script, snippet

PULL_TIMEOUT_S = 4 * 3600
PREFETCH = "xpulab-prefetch.service"


def ask_registry(image: Image) -> str:
    """Ask the registry before anything is changed; a host without curl learns it from its pull."""
    registry, path = image.registry_and_path
    manifest = f"https://{registry}/v2/{path}/manifests/{image.digest or image.tag}"
    return script([f"repository={quote(path)}", f"url={quote(manifest)}", snippet("check_image")])


def prefetch(image: Image) -> str:
    """Start a pull beside apt, as soon as the engine runs: drivers and DKMS builds take their time.

    Nobody depends on it: the pull of the last phase joins it, or does all of it.
    """
    lines = [
        "tries=0",
        "until docker version >/dev/null 2>&1; do",
        '    tries=$((tries + 1)); [ "$tries" -lt 900 ] || exit 1; sleep 1',
        "done",
        f"exec docker pull --quiet {quote(image.by_digest)}",
    ]
    inner = quote("\n".join(lines))
    return f"systemd-run --quiet --collect --unit={PREFETCH} sh -c {inner} || true"


def pull(image: Image) -> str:
    """Pull the image, by digest where one is pinned, and give it its tag."""
    pullable = quote(image.by_digest)
    lines = [f"docker pull --quiet {pullable}"]
    if image.digest:
        lines.append(f"docker tag {pullable} {quote(image.reference)}")
    return script(lines)
