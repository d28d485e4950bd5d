"""The sandbox and the operator as the integration tests have them, with proxies between the operator and both APIs."""

import time
from collections.abc import Callable, Iterator

import pytest
import requests

from tests.edges.proxy import Proxy
from tests.edges.world import World
from tests.integration.aws import Account
from tests.integration.conftest import (
    account,
    accounts,
    api,
    cluster,
    number,
    operator_process,
    service_account,
    trails,
)
from tests.integration.kubernetes import Trails
from tests.integration.service_account import ServiceAccount
from trail_sandbox.kubernetes import kubeconfig
from trail_sandbox.kubernetes.pki import Pki
from trail_sandbox.sandbox import Sandbox

__all__ = ["account", "accounts", "api", "cluster", "number", "operator_process", "service_account", "trails"]


@pytest.fixture(scope="session", autouse=True)
def without_quotas(sandbox: Sandbox) -> None:
    """Let an account have many trails, and the tests stop them all at once."""
    settings = {"quotas": False, "rates": False}
    requests.put(f"{sandbox.aws_endpoint}/_sandbox/settings", json=settings, timeout=30).raise_for_status()


@pytest.fixture
def tally(record_property: Callable[[str, object], None]) -> Callable[[int], None]:
    """Has the run's summary say how many cases a test went through, and in how many seconds."""
    begun = time.monotonic()
    return lambda cases: record_property("figures", f"{cases} cases in {time.monotonic() - begun:.0f} s")


@pytest.fixture
def aws_proxy(cluster: Sandbox) -> Iterator[Proxy]:
    """A proxy before the emulated AWS; the operator's AWS_ENDPOINT_URL is its `url`."""
    with Proxy(cluster.aws_endpoint) as proxy:
        yield proxy


@pytest.fixture
def kubernetes_proxy(cluster: Sandbox) -> Iterator[Proxy]:
    """A proxy before the API server, with a certificate of the same authority."""
    pki = Pki(cluster.state.pki)
    with Proxy(cluster.kubernetes_endpoint, authority=pki.authority.certificate, shows=pki.server) as proxy:
        yield proxy


@pytest.fixture
def behind(kubernetes_proxy: Proxy, service_account: ServiceAccount) -> Callable[[], dict[str, str]]:
    """The environment in which the operator's service account reaches the API server through the proxy."""

    def environment() -> dict[str, str]:
        content = kubeconfig.read(service_account.kubeconfig)
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]
        path = service_account.kubeconfig.with_name(f"proxy-{kubernetes_proxy.port}.kubeconfig")
        kubeconfig.write(
            path,
            kubeconfig.for_token(
                kubernetes_proxy.url,
                cluster["certificate-authority-data"],
                user["name"],
                user["user"]["token"],
                user["user"]["tokenFile"],
                content["contexts"][0]["context"]["namespace"],
            ),
        )
        return {"KUBECONFIG": str(path)}

    return environment


@pytest.fixture
def world(account: Account, trails: Trails) -> World:
    """Many Trails, and what becomes of them."""
    return World(account, trails)
