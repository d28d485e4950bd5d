"""Reads the cluster of the kubeconfig with the credentials of the caller, and asks it what it would accept.

Nothing is written: a dry run stores nothing. https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import quote

from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.config import ConfigException, list_kube_config_contexts

from trail_operator.api.constants import ALARM_SET_KIND, KIND, SETTINGS_LABEL
from trail_operator.aws.connection_errors import explain_connection_error
from trail_operator.domain.object_plan import Admission, Answer
from trail_operator.kube.answers import NO_ANSWER, OddAnswerError, is_not_found, whole_list, whole_object
from trail_operator.kube.client import (
    ALARM_SETS,
    AWS_ACCOUNTS,
    CONFIG_MAPS,
    FORBIDDEN,
    NAMESPACES,
    TRAILS,
    Key,
    Resource,
)
from trail_operator.kube.connection import ApiConnection
from trail_operator.kube.route import RouteError
from trail_operator.preview.cluster_objects import Bodies, ClusterObjects
from trail_operator.preview.manifests import Manifest, Manifests

_BAD_REQUEST, _NOT_FOUND, _INVALID, _TOO_MANY_REQUESTS = 400, 404, 422, 429
_ATTEMPTS = 5
_SECONDS_BETWEEN_ATTEMPTS = 1.0
# https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#side-effects
_NO_DRY_RUN = "does not support dry run"
_AT_ONCE = 8
RESOURCES = {KIND: TRAILS, ALARM_SET_KIND: ALARM_SETS}
"""Those that are planned, by kind."""
T = TypeVar("T")


class ClusterError(Exception):
    """The cluster cannot be read; the message says why."""


class ClusterReader:
    """The cluster of the kubeconfig."""

    def __init__(self, connection: ApiConnection) -> None:
        self._connection = connection
        self._slots = asyncio.Semaphore(_AT_ONCE)

    @classmethod
    async def open(cls) -> "ClusterReader":
        """Connect. Raises ClusterError."""
        try:
            return cls(await ApiConnection.open_kubeconfig())
        except (ConfigException, RouteError, OSError) as error:
            raise ClusterError(str(error)) from None

    async def close(self) -> None:
        """Close all connections."""
        await self._connection.close()

    async def objects(self, manifests: Manifests, accounts: Iterable[str]) -> ClusterObjects:
        """Return what the caller may read. Where listing is forbidden, what the manifests name is read.

        `accounts`: names of AWSAccounts that Trails without an accountRef may use.
        """
        keys, sets = _keys(manifests.trails), _keys(manifests.alarm_sets)
        keys += sorted(manifests.referenced_trails.difference(keys), key=str)
        namespaces = sorted({key.namespace for key in (*keys, *sets)})
        unread: list[str] = []
        trails, alarm_sets, labels = await asyncio.gather(
            self._bodies(TRAILS, keys, unread),
            self._alarm_sets(manifests, sets, unread),
            self._bodies(NAMESPACES, [Key("", name) for name in namespaces], unread),
        )
        used = {*accounts, *manifests.referenced_accounts, *_accounts_of(trails, alarm_sets)}
        found = await self._bodies(AWS_ACCOUNTS, [Key("", name) for name in sorted(used)] if keys else [], unread)
        return ClusterObjects(trails, found, labels, tuple(unread), alarm_sets)

    async def _alarm_sets(self, manifests: Manifests, keys: Sequence[Key], unread: list[str]) -> Bodies | None:
        """Return the TrailAlarmSets, none if only Trails are planned. Clusters may lack this kind."""
        if manifests and not keys:
            return {}
        return await self._bodies(ALARM_SETS, keys, unread)

    async def accounts(self) -> Bodies:
        """Return the AWSAccounts by name. Raises ClusterError."""
        return {_name(body): body for body in await self._ask(lambda: self._list(AWS_ACCOUNTS.collection()))}

    async def published_settings(self, namespace: str) -> dict[str, str]:
        """Return the data of the ConfigMap that the operator publishes in its namespace. Raises ClusterError."""
        path = f"{CONFIG_MAPS.collection(namespace)}?labelSelector={quote(f'{SETTINGS_LABEL}=true', safe='')}"
        found = await self._ask(lambda: self._list(path))
        if len(found) != 1:
            count = "several ConfigMaps" if found else "no ConfigMap"
            raise ClusterError(f"namespace {namespace} has {count} with the label {SETTINGS_LABEL}: true")
        data = found[0].get("data") or {}
        return {str(name): str(value) for name, value in data.items()}

    async def admission(self, manifest: Manifest, live: Mapping[str, Any] | None) -> Admission:
        """Return whether the API server accepts a manifest, by a dry run. `live`: the object that it has already."""
        method, path, body = _request(manifest, live)
        try:
            await self._send(method, f"{path}?dryRun=All&fieldValidation=Strict", body)
        except ApiException as error:
            if _is_about_manifest(error):
                return Admission(Answer.REJECTED, str(error.reason))
            return Admission(Answer.UNCHECKED, _described(error))
        except NO_ANSWER as error:
            return Admission(Answer.UNCHECKED, _described(error))
        return Admission(Answer.ACCEPTED)

    async def _bodies(self, resource: Resource, keys: Sequence[Key], unread: list[str]) -> Bodies | None:
        """Return objects by namespace and name; None if they cannot be read, with the reason in `unread`.

        `keys`: what is read where the list is forbidden.
        """
        try:
            try:
                found = await self._ask(lambda: self._list(resource.collection()))
            except _ForbiddenError as error:
                if not keys:
                    raise
                unread.append(f"Not all {resource.plural} were read: {error}")
                named = await asyncio.gather(*(self._ask(lambda key=key: self._get(resource, key)) for key in keys))  # type: ignore[misc]
                found = [body for body in named if body is not None]
        except ClusterError as error:
            unread.append(f"The {resource.plural} of the cluster were not read: {error}")
            return None
        return {_name(body): body for body in found}

    async def _list(self, path: str) -> list[dict[str, Any]]:
        return whole_list(await self._send("GET", path))

    async def _get(self, resource: Resource, key: Key) -> dict[str, Any] | None:
        try:
            answer = await self._send("GET", resource.path(key))
        except ApiException as error:
            if is_not_found(error, key.name):
                return None
            raise
        return whole_object(answer, key.name, key.namespace or None)

    async def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request. Repeats one that the API server has no room for, or not yet, as kubectl does."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                async with self._slots:
                    return await self._connection.request(method, path, body)
            except ApiException as error:
                if error.status != _TOO_MANY_REQUESTS or attempt == _ATTEMPTS:
                    raise
            await asyncio.sleep(_SECONDS_BETWEEN_ATTEMPTS)
        raise AssertionError

    async def _ask(self, request: Callable[[], Awaitable[T]]) -> T:
        """Send a request. Raises ClusterError."""
        try:
            return await request()
        except ApiException as error:
            kind = _ForbiddenError if error.status == FORBIDDEN else ClusterError
            raise kind(_described(error)) from None
        except NO_ANSWER as error:
            raise ClusterError(_described(error)) from None


@asynccontextmanager
async def open_cluster() -> AsyncIterator[tuple[ClusterReader | None, str]]:
    """Yield the cluster of the kubeconfig; None if there is none, with the reason."""
    try:
        cluster = await ClusterReader.open()
    except ClusterError as error:
        yield None, str(error)
        return
    try:
        yield cluster, ""
    finally:
        with suppress(Exception):
            await cluster.close()


class _ForbiddenError(ClusterError):
    """The caller may not read this."""


def context_namespace() -> str:
    """Return the namespace of the kubeconfig's context, as kubectl uses it."""
    try:
        _, active = list_kube_config_contexts()
        return str(active["context"].get("namespace") or "default")
    except Exception:  # noqa: BLE001 - whatever is wrong with the kubeconfig is reported when it is used
        return "default"


def _request(manifest: Manifest, live: Mapping[str, Any] | None) -> tuple[str, str, dict[str, Any]]:
    """Return method, path and body of the request that applies a manifest."""
    key, resource = Key(manifest.namespace or "", manifest.name), RESOURCES[manifest.kind]
    if live is None:
        return "POST", resource.collection(key.namespace), manifest.body
    metadata = dict(live["metadata"])
    for field in ("labels", "annotations"):
        if merged := {**(metadata.get(field) or {}), **manifest.texts(field)}:
            metadata[field] = merged
    return "PUT", resource.path(key), {**live, "metadata": metadata, "spec": manifest.spec}


def _is_about_manifest(error: ApiException) -> bool:
    """Whether the manifest itself is refused: by the schema, or by a webhook, whose refusals have the status 400."""
    is_refused = error.status == _BAD_REQUEST and _NO_DRY_RUN not in str(error.reason)
    return is_refused or error.status == _INVALID


def _name(body: Mapping[str, Any]) -> str:
    metadata = body["metadata"]
    return str(Key(metadata.get("namespace") or "", metadata["name"]))


def _keys(manifests: Iterable[Manifest]) -> list[Key]:
    return [Key(one.namespace or "", one.name) for one in manifests]


def _accounts_of(trails: Bodies | None, alarm_sets: Bodies | None) -> set[str]:
    """Return the names of AWSAccounts that Trails and TrailAlarmSets of the cluster name."""
    references = [(body.get("spec") or {}).get("accountRef") for body in (trails or {}).values()]
    names = [one.get("name") for one in references if isinstance(one, dict)]
    names += [(body.get("status") or {}).get("accountName") for body in (alarm_sets or {}).values()]
    return {name for name in names if name and isinstance(name, str)}


def _described(error: Exception) -> str:
    if isinstance(error, ApiException):
        return f"the API server answers {error.status} {error.reason}"
    if isinstance(error, OddAnswerError) and error.status == _NOT_FOUND:  # plain text
        return "the API server does not serve this kind, as its CustomResourceDefinition is missing"
    if isinstance(error, OddAnswerError):
        return f"the API server answers {error}"
    why = explain_connection_error(error, "the certificate-authority of the kubeconfig")
    return f"the API server does not answer ({type(error).__name__}){why and ': '}{why}"
