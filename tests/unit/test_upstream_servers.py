"""How check-upstreams asks: registries, servers that are down or busy, a stand-in for all of them."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
import pytest

from tests.unit.test_upstreams import DIGEST, Servers
from xpulab.upstreams.registries import digest_of, tags_of
from xpulab.upstreams.web import Gone, NotAsked, Unreachable, Web


def test_a_registry_is_asked_with_the_token_that_it_gives_anybody() -> None:
    url = "https://registry-1.docker.io/v2/pytorch/pytorch/manifests/2.14.1"
    realm = "https://auth.docker.io/token"
    challenge = f'Bearer realm="{realm}",service="registry.docker.io"'
    asked: list[str | None] = []

    class Registry(Servers):
        def head(self, at: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
            asked.append((headers or {}).get("Authorization"))
            if not asked[-1]:
                return httpx.Response(401, headers={"www-authenticate": challenge})
            return httpx.Response(200, headers={"docker-content-digest": DIGEST})

    token = f"{realm}?service=registry.docker.io&scope=repository:pytorch/pytorch:pull"
    web = Registry({token: httpx.Response(200, json={"token": "abc"})})
    assert digest_of("registry-1.docker.io", "pytorch/pytorch", "2.14.1", web) == DIGEST
    assert asked == [None, "Bearer abc"], url


def test_tags_are_read_to_the_last_page() -> None:
    first = "https://registry.test/v2/a/b/tags/list?n=1000"
    more = "https://registry.test/v2/a/b/tags/list?n=1000&last=2"
    pages = {
        first: httpx.Response(
            200, json={"tags": ["1", "2"]}, headers={"link": "</v2/a/b/tags/list?n=1000&last=2>; rel=next"}
        ),
        more: httpx.Response(200, json={"tags": ["3"]}),
    }
    assert tags_of("registry.test", "a/b", Servers(pages)) == ("1", "2", "3")
    with pytest.raises(Gone):
        tags_of("registry.test", "no/such", Servers(pages))


def client(answer: httpx.Response, asked: list[str], only: tuple[str, ...] = ()) -> Web:
    web = Web(only=only)

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if request.url.host == "down.test":
            raise httpx.ConnectError("no route", request=request)
        return answer

    web._client = httpx.Client(transport=httpx.MockTransport(respond))
    return web


def test_servers_that_are_not_to_be_asked_are_not() -> None:
    asked: list[str] = []
    web = client(httpx.Response(200), asked, only=("pypi.org",))
    web.get("https://pypi.org/pypi/torch/json")
    with pytest.raises(NotAsked, match=r"docs\.nvidia\.com"):
        web.get("https://docs.nvidia.com/releases.json")
    assert asked == ["https://pypi.org/pypi/torch/json"]


def test_a_server_that_is_down_is_asked_once_and_named_each_time() -> None:
    asked: list[str] = []
    web = client(httpx.Response(200), asked)
    for path in ("a", "b"):
        with pytest.raises(Unreachable, match=r"down\.test: no route"):
            web.get(f"https://down.test/{path}")
    assert asked == ["https://down.test/a"]


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_busy_server_says_nothing_about_the_catalog(code: int) -> None:
    with pytest.raises(Unreachable, match=f"HTTP {code}"):
        client(httpx.Response(code), []).get("https://registry-1.docker.io/v2/")


def test_another_address_is_asked_under_the_servers_name_and_at_its_ports() -> None:
    asked: list[str] = []
    web = client(httpx.Response(200), asked)
    web._connect_to = "127.0.0.1:8443"
    web.get("https://pypi.org/a")
    web.get("http://archive.ubuntu.com/b")
    assert asked == ["https://127.0.0.1:8443/a", "http://127.0.0.1:8442/b"]
