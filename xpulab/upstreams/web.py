"""Reading vendors' servers over HTTP, or a stand-in that answers under their names."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import httpx

TIMEOUT_S = 60.0


class Unreachable(Exception):
    """A server gave no answer; the message says which and why."""


class Web:
    """An HTTP client. `connect_to` sends every request to one address, under the name it asks for."""

    def __init__(self, connect_to: str | None = None, certificate_authority: Path | None = None) -> None:
        """Trust the system's certificate authorities, or those in a file instead."""
        context = ssl.create_default_context(
            cafile=str(certificate_authority) if certificate_authority else None
        )
        self._connect_to = connect_to
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
        """The answer to GET, whatever its status. Raises Unreachable."""
        return self._ask("GET", url, headers)

    def head(self, url: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """The answer to HEAD, whatever its status. Raises Unreachable."""
        return self._ask("HEAD", url, headers)

    def _ask(self, method: str, url: str, headers: Mapping[str, str] | None) -> httpx.Response:
        parsed = httpx.URL(url)
        named, extensions = dict(headers or {}), {}
        if self._connect_to:
            named["Host"], extensions["sni_hostname"] = parsed.host, parsed.host
            parsed = parsed.copy_with(host=self._connect_to)
        try:
            return self._client.request(method, parsed, headers=named, extensions=extensions)
        except httpx.HTTPError as error:
            raise Unreachable(f"{url}: {error or type(error).__name__}") from error
