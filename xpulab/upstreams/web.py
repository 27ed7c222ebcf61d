"""Reading vendors' servers over HTTP, or a stand-in that answers under their names."""

from __future__ import annotations

import ssl
from collections.abc import Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Literal

import httpx

TIMEOUT_S = 60.0
BUSY = 429
SERVER_ERROR = 500


class NoAnswer(Exception):
    """What was asked for is not to be had; `state` is that of a finding which would have needed it."""

    state: ClassVar[Literal["rotten", "unchecked", "skipped"]] = "unchecked"


class Unreachable(NoAnswer):
    """A server gave no answer, or none of use; the message says which and why."""


class Gone(NoAnswer):
    """A server answered that it has no such thing; the message says what it was asked for."""

    state = "rotten"


class NotAsked(NoAnswer):
    """The server is none of those that are to be asked."""

    state = "skipped"


class Web:
    """An HTTP client. `connect_to` sends every request to one address, under the name it asks for."""

    def __init__(
        self,
        connect_to: str | None = None,
        certificate_authority: Path | None = None,
        only: Collection[str] = (),
    ) -> None:
        """Trust the system's certificate authorities, or those in a file; ask all hosts, or `only` these.

        `connect_to` is an address, or `address:port`: then https goes to that port, http to the one below.
        """
        context = ssl.create_default_context(
            cafile=str(certificate_authority) if certificate_authority else None
        )
        self._connect_to = connect_to
        self._only = frozenset(only)
        self._down: dict[str, str] = {}
        self.named: set[str] = set()
        """Every server that something was to be asked of, be it that it was not to be asked."""
        self._client = httpx.Client(verify=context, timeout=TIMEOUT_S, follow_redirects=True)

    def __enter__(self) -> Web:
        """This client, closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        self._client.close()

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """The answer to GET, be it that there is no such thing. Raises Unreachable, NotAsked."""
        return self._ask("GET", url, headers)

    def head(self, url: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """The answer to HEAD, be it that there is no such thing. Raises Unreachable, NotAsked."""
        return self._ask("HEAD", url, headers)

    def _ask(self, method: str, url: str, headers: Mapping[str, str] | None) -> httpx.Response:
        parsed = httpx.URL(url)
        name = parsed.host
        self.named.add(name)
        if self._only and name not in self._only:
            raise NotAsked(f"{name} is none of the servers to ask")
        if name in self._down:
            raise Unreachable(f"{name}: {self._down[name]}")
        named, extensions = dict(headers or {}), {}
        if self._connect_to:
            named["Host"], extensions["sni_hostname"] = name, name
            parsed = _at(self._connect_to, parsed)
        try:
            answer = self._client.request(method, parsed, headers=named, extensions=extensions)
        except httpx.HTTPError as error:
            # One time-out is enough: the next request to it would wait as long.
            self._down[name] = str(error) or type(error).__name__
            raise Unreachable(f"{name}: {self._down[name]}") from error
        if answer.status_code == BUSY or answer.status_code >= SERVER_ERROR:
            raise Unreachable(f"{url}: HTTP {answer.status_code}")
        return answer


def content(web: Web, url: str) -> bytes:
    """What is there at a URL. Raises Unreachable, NotAsked, Gone."""
    answer = web.get(url)
    if answer.status_code != httpx.codes.OK:
        raise Gone(f"{url}: HTTP {answer.status_code}")
    return answer.content


def json_at(web: Web, url: str) -> Any:
    """The JSON at a URL. Raises Unreachable (also where it is no JSON), NotAsked, Gone."""
    answer = web.get(url)
    if answer.status_code != httpx.codes.OK:
        raise Gone(f"{url}: HTTP {answer.status_code}")
    try:
        return answer.json()
    except ValueError as error:
        raise Unreachable(f"{url}: not JSON ({error})") from error


def _at(address: str, url: httpx.URL) -> httpx.URL:
    host, _, port = address.partition(":")
    if not port:
        return url.copy_with(host=host)
    return url.copy_with(host=host, port=int(port) - (url.scheme == "http"))
