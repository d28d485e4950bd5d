"""An API server that only a proxy reaches: the operator works through it, and is ready only while it watches."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Trails, trail
from tests.integration.service_account import ServiceAccount
from tests.integration.test_leadership import ready
from tests.patience import eventually
from tests.proxies import Proxy, proxying
from trail_sandbox.kubernetes import kubeconfig
from trail_sandbox.sandbox import Sandbox

# A name of the sandbox's API server which nothing but the proxy knows how to reach.
SERVER = "https://kubernetes.default.svc:443"


@pytest.fixture
def proxy(cluster: Sandbox) -> Iterator[Proxy]:
    server = kubeconfig.read(cluster.kubeconfig)["clusters"][0]["cluster"]["server"]
    host, _, number = server.removeprefix("https://").partition(":")
    with proxying(host, int(number)) as result:
        yield result


@pytest.mark.parametrize("by", ["proxy-url", "HTTPS_PROXY"])
def test_an_api_server_that_only_a_proxy_reaches(
    by: str,
    proxy: Proxy,
    operator_process: OperatorFactory,
    service_account: ServiceAccount,
    account: Account,
    trails: Trails,
    tmp_path: Path,
) -> None:
    content = kubeconfig.read(service_account.kubeconfig)
    cluster = content["clusters"][0]["cluster"]
    cluster["server"] = SERVER
    variables = {name: "" for name in os.environ if name.upper().endswith("_PROXY")}
    if by == "proxy-url":
        cluster["proxy-url"] = proxy.url
    else:
        variables |= {"HTTPS_PROXY": proxy.url, "NO_PROXY": "127.0.0.1"}
    path = tmp_path / "by-proxy.kubeconfig"
    kubeconfig.write(path, json.dumps(content))
    operator = operator_process(KUBECONFIG=str(path), **variables)
    assert f"is reached through the proxy {proxy.url} (" in operator.log.read_text()
    eventually("it watches", lambda: ready(operator))

    bucket = account.bucket(f"logs-{account.number}", "audit")
    trails.create(trail("audit", bucket))  # which only a watch can tell of
    trails.wait_ready("audit")
    assert set(proxy.asked) == {SERVER.removeprefix("https://")}
    assert not any(b"authorization" in head.lower() for head in proxy.heads), "the token is not the proxy's"

    proxy.refuse("502 Bad Gateway")
    eventually("it is not ready", lambda: not ready(operator))
    proxy.refuse("")
    eventually("it watches again", lambda: ready(operator), 60)
    trails.change("audit", isLogging=False)
    trails.wait_reason("audit", "LoggingOff")
