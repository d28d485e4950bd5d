"""Calls to AWS over real sockets: proxies, CA bundles, endpoints, and the messages of connection errors."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.proxies import Proxy, proxying
from tests.unit.answering import answering, identity
from tests.unit.aws_clients import aws_client
from tests.unit.certificates import Authority
from trail_operator.aws.client_pool import ClientPool
from trail_operator.domain.failure import FailureClass, FailureError

NAME = "sts.eu-west-1.amazonaws.com"
PASSWORD = "secret"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().endswith("_PROXY") or name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key")


@pytest.fixture
def port(authority: Authority) -> Iterator[int]:
    """A server with the name and the certificate of an AWS endpoint."""
    with answering(lambda *_: (200, identity("111111111111")), tls=authority.server(NAME)) as number:
        yield number


@pytest.fixture
def proxy(port: int) -> Iterator[Proxy]:
    with proxying("127.0.0.1", port) as result:
        yield result


def asked(endpoint: str | None = None) -> str:
    """Return the account by STS, or the message if the call fails."""

    async def main() -> str:
        aws = aws_client(ClientPool("eu-west-1", time.monotonic, lambda: None), endpoint_url=endpoint)
        try:
            return (await aws.identity("eu-west-1")).account
        except FailureError as error:
            return f"{error.failure.kind}: {error.failure.message}"

    return asyncio.run(main())


def test_through_the_proxy_with_the_authority_of_the_bundle(
    proxy: Proxy, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.bundle))
    monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", f"//operator:{PASSWORD}@"))
    assert asked() == "111111111111"
    assert proxy.asked == [f"{NAME}:443"]


@pytest.mark.parametrize("no_proxy", ["127.0.0.1", "*"])
def test_past_the_proxy_for_what_no_proxy_names(
    no_proxy: str, proxy: Proxy, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", no_proxy)
    with answering(lambda *_: (200, identity("222222222222"))) as port:
        assert asked(f"http://127.0.0.1:{port}") == "222222222222"
    assert proxy.asked == []


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("authority", "the certificate authority of the server is unknown"),
        ("authority", "add it to the file that AWS_CA_BUNDLE names"),
        ("name", "the server's certificate is for another name: "),
        ("missing", "AWS_CA_BUNDLE names cannot be read (No such file or directory)"),
        ("folder", "AWS_CA_BUNDLE names"),
        ("garbage", "AWS_CA_BUNDLE names contains no valid certificates"),
        ("refused", "answers 502 Bad Gateway"),
        ("nobody", "the proxy http://127.0.0.1:1 cannot be reached"),
    ],
)
def test_the_message_names_the_cause(
    what: str, expected: str, proxy: Proxy, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, url = authority.bundle, proxy.url
    if what == "authority":
        bundle = Authority(tmp_path, "another").bundle
    elif what == "missing":
        bundle = tmp_path / "missing.pem"
    elif what == "garbage":
        bundle = tmp_path / "garbage.pem"
        bundle.write_text("no certificate")
    elif what == "refused":
        proxy.refuse("502 Bad Gateway")
        expected = f"the proxy {proxy.url} answers 502 Bad Gateway"
    elif what == "nobody":
        url = "http://127.0.0.1:1"
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    monkeypatch.setenv("HTTPS_PROXY", url.replace("//", f"//operator:{PASSWORD}@"))
    endpoint = "https://elsewhere.test" if what == "name" else None
    if what == "folder":
        (tmp_path / "folder").mkdir()
        monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "folder"))
    message = asked(endpoint)
    assert message.startswith(f"{FailureClass.TRANSIENT}: ")
    assert expected in message
    assert PASSWORD not in message


@pytest.mark.parametrize(
    ("region", "variables", "host"),
    [
        ("eu-west-1", {}, "cloudtrail.eu-west-1.amazonaws.com"),
        ("us-east-1", {"AWS_USE_FIPS_ENDPOINT": "true"}, "cloudtrail-fips.us-east-1.amazonaws.com"),
        ("eu-west-1", {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "cloudtrail.eu-west-1.api.aws"),
        ("us-gov-west-1", {}, "cloudtrail.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", {}, "cloudtrail.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_endpoints_are_those_of_the_region_its_partition_and_the_settings(
    region: str,
    variables: dict[str, str],
    host: str,
    proxy: Proxy,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    sessions = ClientPool(region, lambda: 0.0, lambda: None)
    client: Any = sessions.client("cloudtrail", region, None)
    assert urlsplit(client.meta.endpoint_url).hostname == host
