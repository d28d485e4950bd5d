"""Which way leads to the API server: as kubectl goes."""

import pytest

from trail_operator.kube.route import RouteError, by_kubeconfig, in_pod

PROXY = "http://proxy.example:3128"


def proxy(server: str, *, url: str | None = None, **environment: str) -> str | None:
    return by_kubeconfig(server, url, environment).proxy


@pytest.mark.parametrize(
    ("server", "no_proxy", "goes_through"),
    [
        # Names: themselves and all below.
        ("https://api.cluster.example", "", True),
        ("https://api.cluster.example", "api.cluster.example", False),
        ("https://api.cluster.example", "cluster.example", False),
        ("https://api.cluster.example", "example", False),
        ("https://API.cluster.example", "api.CLUSTER.example", False),
        ("https://api.cluster.example", "luster.example", True),
        ("https://api.cluster.example", "other.example, cluster.example", False),
        ("https://api.cluster.example", "api.cluster.example.", True),
        # Suffixes: all below only.
        ("https://api.cluster.example", ".cluster.example", False),
        ("https://api.cluster.example", "*.cluster.example", False),
        ("https://cluster.example", ".cluster.example", True),
        ("https://cluster.example", "*.cluster.example", True),
        ("https://api.cluster.example", "*cluster.example", True),
        # Ports.
        ("https://api.cluster.example:6443", "cluster.example:6443", False),
        ("https://api.cluster.example:6443", "cluster.example:443", True),
        ("https://api.cluster.example", "cluster.example:443", False),
        ("https://10.1.2.3:6443", "10.1.2.3:6443", False),
        ("https://10.1.2.3:6443", "10.1.2.3:443", True),
        ("https://[fd00::1]:6443", "[fd00::1]:6443", False),
        # Addresses and ranges.
        ("https://10.1.2.3:6443", "10.1.2.3", False),
        ("https://10.1.2.3:6443", "10.1.2.4", True),
        ("https://10.1.2.3:6443", "10.0.0.0/8", False),
        ("https://10.1.2.3:6443", "10.1.2.99/24", False),
        ("https://10.1.2.3:6443", "192.168.0.0/16,fd00::/8", True),
        ("https://10.1.2.3:6443", "10.0.0.0/255.0.0.0", True),  # a mask is no prefix
        ("https://[fd00::1]:6443", "fd00::/8", False),
        ("https://[fd00::1]:6443", "fd00:0:0::1", False),
        ("https://api.cluster.example", "10.0.0.0/8", True),
        ("https://10.1.2.3", "2.3", False),  # by its text, as Go does
        # All, and what is none.
        ("https://api.cluster.example", "*", False),
        ("https://10.1.2.3", "*", False),
        ("https://api.cluster.example", ",, :443, 10.0.0.0/99, *.", True),
        # This machine, whatever is said.
        ("https://127.0.0.1:6443", "", False),
        ("https://[::1]:6443", "", False),
        ("https://localhost:6443", "", False),
    ],
)
def test_exceptions_are_those_of_kubectl(server: str, no_proxy: str, goes_through: bool) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        assert (proxy(server, HTTPS_PROXY=PROXY, **{name: no_proxy}) == PROXY) is goes_through


@pytest.mark.parametrize(
    ("server", "url", "environment", "wanted"),
    [
        ("https://api.example", PROXY, {"NO_PROXY": "*"}, PROXY),  # the kubeconfig says so
        ("https://127.0.0.1:6443", PROXY, {}, PROXY),
        ("https://api.example", PROXY, {"HTTPS_PROXY": "http://other:1"}, PROXY),
        ("https://api.example", None, {"https_proxy": PROXY}, PROXY),
        ("https://api.example", None, {"HTTPS_PROXY": PROXY, "https_proxy": "http://other:1"}, PROXY),
        ("https://api.example", None, {"HTTPS_PROXY": "proxy.example:3128"}, PROXY),
        ("https://api.example", None, {"HTTPS_PROXY": "https://proxy.example"}, "https://proxy.example"),
        ("https://api.example", None, {"HTTP_PROXY": PROXY}, None),
        ("http://api.example", None, {"HTTP_PROXY": PROXY}, PROXY),
        ("http://api.example", None, {"HTTPS_PROXY": PROXY}, None),
        ("https://api.example", None, {"HTTPS_PROXY": ""}, None),
        ("https://api.example", None, {}, None),
    ],
)
def test_what_names_a_proxy(server: str, url: str | None, environment: dict[str, str], wanted: str | None) -> None:
    assert proxy(server, url=url, **environment) == wanted


ODD_PORTS = ("http://user:secret@proxy:abc", "proxy.example:99999", "https://proxy.example:0")


@pytest.mark.parametrize("server", ["https://api.example:abc", "https://api.example:99999"])
def test_a_server_without_a_port_is_said_to_be_one(server: str) -> None:
    with pytest.raises(RouteError, match="has an invalid port"):
        by_kubeconfig(server, None, {"HTTPS_PROXY": PROXY})


@pytest.mark.parametrize("odd", ["socks5://proxy.example:1080", "ftp://user:secret@proxy", "http://", "//", *ODD_PORTS])
def test_what_is_no_proxy_is_said_without_its_password(odd: str) -> None:
    for url, environment in ((odd, {}), (None, {"HTTPS_PROXY": odd})):
        with pytest.raises(RouteError, match="must be http://HOST:PORT or https://HOST:PORT") as error:
            by_kubeconfig("https://api.example", url, environment)
        assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (PROXY, "through the proxy http://proxy.example:3128 (the kubeconfig's proxy-url)"),
        ("http://user:secret@proxy.example", "through the proxy http://proxy.example (the kubeconfig's proxy-url)"),
        ("http://[fd00::1]:3128", "through the proxy http://[fd00::1]:3128 (the kubeconfig's proxy-url)"),
        (None, "directly (neither the kubeconfig's proxy-url nor HTTPS_PROXY is set)"),
    ],
)
def test_the_way_is_told_without_a_password(url: str | None, told: str) -> None:
    assert str(by_kubeconfig("https://api.example", url, {})) == told


def test_a_pod_asks_no_proxy_for_its_api_server() -> None:
    assert in_pod().proxy is None
    assert "NO_PROXY" in str(in_pod())
