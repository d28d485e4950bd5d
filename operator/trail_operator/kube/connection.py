"""The connection to the API server: how it is reached, with which credentials, and what is an answer."""

import os
from collections.abc import AsyncGenerator
from typing import Any

from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.client.rest import RESTResponse

from trail_operator.kube.answers import OddAnswerError, parsed
from trail_operator.kube.route import Route, by_kubeconfig, in_pod
from trail_operator.runtime.logs import logger

_OK = 200
_TIMEOUT = 20


class ApiConnection:
    """A connection to the API server, with the credentials of the Pod or of the kubeconfig."""

    def __init__(self, client: ApiClient, route: Route) -> None:
        self._client = client
        self.route = route
        """How the API server is reached."""

    @classmethod
    async def open(cls) -> "ApiConnection":
        """Connect with the Pod's service account, or with the kubeconfig if there is none."""
        configuration = Configuration()
        try:
            config.load_incluster_config(client_configuration=configuration)
            route = in_pod()
        except config.ConfigException:
            return await cls.open_kubeconfig()
        return cls._open(configuration, route)

    @classmethod
    async def open_kubeconfig(cls) -> "ApiConnection":
        """Connect with the kubeconfig, even in a Pod. Raises ConfigException, RouteError or OSError."""
        configuration = Configuration()
        await _load_kubeconfig(configuration)
        return cls._open(configuration, by_kubeconfig(configuration.host, configuration.proxy, os.environ))

    @classmethod
    def _open(cls, configuration: Configuration, route: Route) -> "ApiConnection":
        configuration.proxy = route.proxy
        configuration.client_session_kwargs = {"trust_env": False}  # else the session would choose a proxy itself
        client = ApiClient(configuration)
        client.user_agent = "trail-operator"  # also the name that managedFields shows
        logger.info(f"the API server {configuration.host} is reached {route}")
        return cls(client, route)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def request(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        """Send a request and return the JSON object that is answered.

        Raises ApiException for an error of the API server, and OddAnswerError for anything that it cannot have sent.
        """
        response = await self._send(method, path, body, content_type, seconds=_TIMEOUT)
        return parsed(response.status, await response.read())

    async def lines(self, path: str, seconds: float) -> AsyncGenerator[bytes]:
        """Yield the lines of a response, for at most some seconds. Raises as `request` does."""
        response = await self._send("GET", path, seconds=seconds)
        try:
            if response.status != _OK:
                parsed(response.status, await response.read())
                raise OddAnswerError(f"{response.status} for a watch", response.status)
            rest = b""
            async for chunk in response.response.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield line
        finally:
            response.response.close()

    async def _send(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        content_type: str = "application/json",
        *,
        seconds: float,
    ) -> RESTResponse:
        request = await self._client.param_serialize(
            method=method,
            resource_path=path,
            header_params={"Accept": "application/json", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        return await self._client.call_api(*request, _request_timeout=seconds)


async def _load_kubeconfig(configuration: Configuration) -> None:
    """Raises ConfigException for a kubeconfig that cannot be used, and OSError for one that cannot be read."""
    try:
        await config.load_kube_config(client_configuration=configuration)
    except (config.ConfigException, OSError):
        raise
    except Exception as error:  # the library lets errors of YAML, encoding and Python through
        path, reason = config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION, " ".join(str(error).split())
        problem = f"the kubeconfig {path} is invalid ({type(error).__name__}: {reason})"
        raise config.ConfigException(f"{problem}: correct it, or set KUBECONFIG to another file") from error
