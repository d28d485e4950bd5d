"""How to reach the API server: one route for both HTTP stacks, the Kubernetes client's and kopf's.

Like kubectl: through the kubeconfig's proxy-url, else through HTTPS_PROXY (HTTP_PROXY for http), unless NO_PROXY
matches the server. In a Pod the API server is in the same cluster, so a proxy that is set for AWS is not used.
https://pkg.go.dev/golang.org/x/net/http/httpproxy, https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/#proxy
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Route:
    """The route to the API server. `proxy`: its URL, or None; `why`: the setting that decides."""

    proxy: str | None
    why: str

    def __str__(self) -> str:
        if self.proxy is None:
            return f"directly ({self.why})"
        url = urlsplit(self.proxy)
        return f"through the proxy {url.scheme}://{_address(url)} ({self.why})"


class RouteError(Exception):
    """The configured proxy or server cannot be used."""


def in_pod() -> Route:
    """Return the route of a Pod with a service account."""
    return Route(None, "in a Pod, NO_PROXY always includes the API server")


def by_kubeconfig(server: str, proxy_url: str | None, environment: Mapping[str, str]) -> Route:
    """Return the route that the kubeconfig and the environment define. Raises RouteError."""
    if proxy_url:
        return Route(_usable(proxy_url, "the kubeconfig's proxy-url"), "the kubeconfig's proxy-url")
    url = urlsplit(server)
    if not _has_good_port(url):
        raise RouteError(f"the kubeconfig's server {server} has an invalid port")
    variable = "HTTPS_PROXY" if url.scheme == "https" else "HTTP_PROXY"
    proxy = _variable(environment, variable)
    if not proxy:
        return Route(None, f"neither the kubeconfig's proxy-url nor {variable} is set")
    if _is_this_machine(url.hostname or ""):
        return Route(None, "the server is this machine")
    if not _needs_proxy(url, _variable(environment, "NO_PROXY")):
        return Route(None, "NO_PROXY")
    return Route(_usable(proxy, variable), variable)


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.lower()) or ""


def _usable(proxy: str, what: str) -> str:
    """Return the URL of a proxy, with http if it has no scheme."""
    url = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    # Not quoted in full: it may contain a password.
    if url.scheme not in _PORTS or not url.hostname:
        raise RouteError(f"{what} must be http://HOST:PORT or https://HOST:PORT, not one of {url.scheme}")
    if not _has_good_port(url):
        raise RouteError(f"{what} must be http://HOST:PORT or https://HOST:PORT, with a number for PORT")
    return url.geturl()


def _has_good_port(url: SplitResult) -> bool:
    try:
        return url.port != 0
    except ValueError:  # not a number, or out of range
        return False


def _needs_proxy(server: SplitResult, exceptions: str) -> bool:
    """Whether no exception matches the server: a domain with its subdomains, a suffix, an address, or a CIDR range."""
    host, port = (server.hostname or "").lower(), server.port or _PORTS.get(server.scheme)
    return not any(_names(entry.strip().lower(), host, port) for entry in exceptions.split(",") if entry.strip())


def _names(entry: str, host: str, port: int | None) -> bool:
    if entry == "*":
        return True
    address = _as_address(host)
    if "/" in entry:
        return address is not None and _is_in(address, entry)
    name, wanted = _split(entry)
    if wanted and wanted != str(port):
        return False
    if (named := _as_address(name)) is not None:
        return address == named
    suffix = name[1:] if name.startswith("*.") else name
    if suffix.startswith("."):
        return host.endswith(suffix) and host != suffix
    return bool(suffix) and (host == suffix or host.endswith(f".{suffix}"))


def _is_in(address: ipaddress.IPv4Address | ipaddress.IPv6Address, entry: str) -> bool:
    if not entry.rpartition("/")[2].isdigit():
        return False  # Python accepts masks as well, kubectl does not
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False


def _split(entry: str) -> tuple[str, str]:
    """Return host and port, "" for none. An IPv6 address with a port is in brackets."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, rest.removeprefix(":")
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, port
    return entry, ""


def _as_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _is_this_machine(host: str) -> bool:
    address = _as_address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _address(url: SplitResult) -> str:
    """Return host and port, without credentials."""
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    return f"{host}:{url.port}" if url.port else str(host)
