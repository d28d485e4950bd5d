"""The Kubernetes client and kopf use the same proxy for the API server, over real sockets; when watches run."""

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import kopf
import pytest
from kubernetes.aio.config import incluster_config as own_incluster_config
from kubernetes.config import incluster_config as kopfs_incluster_config

from tests.proxies import Proxy, proxying
from tests.unit.answering import answering
from tests.unit.certificates import Authority
from trail_operator import main
from trail_operator.kube.connection import ApiConnection
from trail_operator.kube.watch_session import Watches
from trail_operator.runtime.logs import logger

NAME = "api.cluster.test"
TRAILS = "/apis/trail-operator.dev/v1beta1/trails"


@pytest.fixture
def port(authority: Authority) -> Iterator[int]:
    """An API server of the name NAME and of loopback."""

    def answer(*_: str) -> tuple[int, str]:
        return 200, json.dumps({"items": []})

    with answering(answer, tls=authority.server(NAME, "127.0.0.1"), bearer="token") as number:
        yield number


@pytest.fixture
def proxy(port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with proxying("127.0.0.1", port) as result:
        yield result


def kubeconfig(folder: Path, server: str, authority: Authority, **cluster: str) -> str:
    path = folder / "kubeconfig"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [
            {"name": "c", "cluster": {"server": server, "certificate-authority": str(authority.bundle), **cluster}}
        ],
        "users": [{"name": "c", "user": {"token": "token"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    }
    path.write_text(json.dumps(content))
    return str(path)


async def both_ask() -> None:
    """A request by each stack."""
    connection = await ApiConnection.open()
    try:
        assert await connection.request("GET", TRAILS) == {"items": []}, "answered to who has the token"
        memo = SimpleNamespace(manager=SimpleNamespace(route=connection.route, watches=Watches([])))
        login: Any = main.login
        found = await login(memo=memo, logger=logging.getLogger(), settings=kopf.OperatorSettings())
        async with found.aiohttp_session as session, session.get(found.server + TRAILS) as answer:
            assert await answer.json(content_type=None) == {"items": []}
    finally:
        await connection.close()


@pytest.mark.parametrize("by", ["proxy-url", "HTTPS_PROXY"])
def test_through_the_proxy_that_is_named(
    by: str,
    proxy: Proxy,
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger.name)
    more = {}
    if by == "proxy-url":
        more = {"proxy-url": proxy.url}
        monkeypatch.setenv("NO_PROXY", "*")
    else:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "other.test")
    path = kubeconfig(tmp_path, f"https://{NAME}:6443", authority, **more)
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", path)
    monkeypatch.setattr("kubernetes.aio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", path)
    asyncio.run(both_ask())
    assert proxy.asked == [f"{NAME}:6443"] * 2
    assert not any(b"token" in head or b"authorization" in head.lower() for head in proxy.heads), "not the proxy's"
    assert f"the API server https://{NAME}:6443 is reached through the proxy {proxy.url}" in caplog.text
    assert by in caplog.text


@pytest.mark.parametrize("server", ["127.0.0.1", "address in NO_PROXY"])
def test_past_the_proxy_where_it_is_not_for_the_api_server(
    server: str, port: int, proxy: Proxy, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests to loopback use no proxy, and kopf's session does not choose one by itself."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    if server != "127.0.0.1":
        monkeypatch.setenv("NO_PROXY", "127.0.0.0/8")
    path = kubeconfig(tmp_path, f"https://127.0.0.1:{port}", authority)
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", path)
    monkeypatch.setattr("kubernetes.aio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", path)
    asyncio.run(both_ask())
    assert proxy.asked == []


def test_past_the_proxy_in_a_pod(
    port: int, proxy: Proxy, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(port))
    token = tmp_path / "token"
    token.write_text("token")
    for module in (own_incluster_config, kopfs_incluster_config):
        monkeypatch.setattr(module, "SERVICE_TOKEN_FILENAME", str(token))
        monkeypatch.setattr(module, "SERVICE_CERT_FILENAME", str(authority.bundle))
    asyncio.run(both_ask())
    assert proxy.asked == []


def test_watches_run_once_each_was_answered_and_until_one_fails(tmp_path: Path) -> None:
    status = {"now": 200}

    def answer(path: str, _: str) -> tuple[int, str]:
        return (status["now"] if "namespaces/b/" in path else 200), "{}"

    async def scenario() -> None:
        watches = Watches(["a", "b"])
        paths = [f"/apis/trail-operator.dev/v1beta1/namespaces/{name}/trails" for name in ("a", "b")]
        paths += ["/apis/trail-operator.dev/v1beta1/awsaccounts", "/api/v1/namespaces"]
        async with aiohttp.ClientSession(middlewares=(watches.noted,)) as session:

            async def ask(path: str, query: str = "?watch=true", number: int | None = None) -> None:
                url = f"http://127.0.0.1:{number or server}/a/cluster{path}{query}"
                try:
                    async with session.get(url):
                        pass
                except aiohttp.ClientError:
                    assert number is not None

            for path in paths:
                await ask(path, query="")
                assert not watches.all_running, "they were listed only"
            for path in paths:
                assert not watches.all_running
                await ask(path)
            assert watches.all_running
            await ask(paths[1], query="")
            assert watches.all_running
            for odd in (401, 403, 404, 410, 500):
                status["now"] = odd
                await ask(paths[1])
                assert not watches.all_running
                await ask(paths[0])
                assert not watches.all_running
                status["now"] = 200
                await ask(paths[1])
                assert watches.all_running
            await ask(paths[2], query="", number=1)  # where nobody answers
            assert not watches.all_running
            await ask(paths[2])
            assert watches.all_running

    with answering(answer) as server:
        asyncio.run(scenario())
