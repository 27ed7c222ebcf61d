"""Reading container registries: the digest behind a tag, and the tags of a repository."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import httpx

from xpulab.upstreams.web import Gone, Unreachable, Web

MANIFEST_TYPES = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.index.v1",
        "docker.distribution.manifest.list.v2",
        "oci.image.manifest.v1",
        "docker.distribution.manifest.v2",
    )
)
Ask = Callable[[str, Mapping[str, str]], httpx.Response]
PAGES = 100
"""More pages of tags than any repository has."""


def digest_of(registry: str, path: str, reference: str, web: Web) -> str:
    """The digest of a tag or digest. Raises Unreachable, NotAsked, Gone."""
    url = f"https://{registry}/v2/{path}/manifests/{reference}"
    answer = _allowed(web.head, url, path, {"Accept": MANIFEST_TYPES}, web)
    if answer.status_code != httpx.codes.OK:
        raise Gone(f"{reference}: HTTP {answer.status_code}")
    return str(answer.headers.get("docker-content-digest", ""))


def tags_of(registry: str, path: str, web: Web) -> tuple[str, ...]:
    """All tags of a repository. Raises Unreachable, NotAsked, Gone.

    Source: https://distribution.github.io/distribution/spec/api/ (listing image tags), as of 2026-11-27.
    """
    tags: list[str] = []
    url = f"https://{registry}/v2/{path}/tags/list?n=1000"
    for _ in range(PAGES):
        answer = _allowed(web.get, url, path, {}, web)
        if answer.status_code != httpx.codes.OK:
            raise Gone(f"{url}: HTTP {answer.status_code}")
        try:
            tags += answer.json().get("tags") or []
        except (ValueError, AttributeError) as error:
            raise Unreachable(f"{url}: not a list of tags ({error})") from error
        following = re.search(r'<([^>]+)>;\s*rel="?next', answer.headers.get("link", ""))
        if not following:
            break
        url = str(httpx.URL(url).join(following[1]))
    return tuple(tags)


def _allowed(ask: Ask, url: str, path: str, headers: Mapping[str, str], web: Web) -> httpx.Response:
    """The answer, with the token that a registry gives anybody who asks for one."""
    answer = ask(url, headers)
    challenge = dict(re.findall(r'(\w+)="([^"]*)"', answer.headers.get("www-authenticate", "")))
    if answer.status_code != httpx.codes.UNAUTHORIZED or "realm" not in challenge:
        return answer
    service = challenge.get("service", "")
    token = web.get(f"{challenge['realm']}?service={service}&scope=repository:{path}:pull")
    return ask(url, {**headers, "Authorization": f"Bearer {_token(token)}"})


def _token(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("token", ""))
    except (ValueError, AttributeError):
        return ""
