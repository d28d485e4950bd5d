"""What a container runs and sees: its command, arguments and environment after Kubernetes' rules. Pure.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#Container
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass

from trail_sandbox.kubernetes.node.api import Object

_REFERENCE = re.compile(r"\$(?:\$|\(([^()]+)\))")
_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")


class ConfigError(Exception):
    """The container can't be started as it is written; kubelet calls this CreateContainerConfigError."""


@dataclass(frozen=True)
class Source:
    """A ConfigMap or Secret that a container's environment reads."""

    kind: str
    name: str
    optional: bool


@dataclass(frozen=True)
class Command:
    """What to execute, with which arguments, and in which environment."""

    executable: str
    arguments: tuple[str, ...]
    environment: dict[str, str]


def image_entrypoint(image: str) -> str:
    """The executable that stands for the image's entrypoint: the last path segment of the repository's name.

    `ghcr.io/someone/trail-operator:1.0@sha256:...` is `trail-operator`. The images that this node stands in for
    have an ENTRYPOINT of that name.
    """
    repository = image.split("@", 1)[0].rsplit("/", 1)[-1]
    return repository.split(":", 1)[0]


def sources(container: Object) -> list[Source]:
    """Every ConfigMap and Secret that the environment names."""
    found = []
    for entry in container.get("envFrom") or []:
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if reference := entry.get(field):
                found.append(Source(kind, reference["name"], bool(reference.get("optional"))))
    for entry in container.get("env") or []:
        origin = entry.get("valueFrom") or {}
        for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            if reference := origin.get(field):
                found.append(Source(kind, reference["name"], bool(reference.get("optional"))))
    return found


def command(
    container: Object, pod: Object, pod_ip: str, data: Mapping[tuple[str, str], Object], base: Mapping[str, str]
) -> Command:
    """What the container is to execute; `data` holds the objects that `sources` named, by kind and name."""
    variables = _environment(container, pod, pod_ip, data)
    words = [expand(word, variables) for word in container.get("command") or []]
    executable, *own = words or [image_entrypoint(container["image"])]
    arguments = [expand(word, variables) for word in container.get("args") or []]
    return Command(executable, (*own, *arguments), {**base, **variables})


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Put variables' values in the place of $(NAME); unknown ones stay, and $$ is a $."""

    def replacement(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return variables.get(match[1], match[0])

    return _REFERENCE.sub(replacement, text)


def _environment(container: Object, pod: Object, pod_ip: str, data: Mapping[tuple[str, str], Object]) -> dict[str, str]:
    variables: dict[str, str] = {}
    for entry in container.get("envFrom") or []:
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if reference := entry.get(field):
                content = _content(data.get((kind, reference["name"])))
                variables |= {entry.get("prefix", "") + key: content[key] for key in content}
    for entry in container.get("env") or []:
        if "valueFrom" not in entry:
            variables[entry["name"]] = expand(entry.get("value") or "", variables)
        elif (value := _value_from(entry["valueFrom"], pod, pod_ip, data)) is not None:
            variables[entry["name"]] = value
    return variables


def _value_from(origin: Object, pod: Object, pod_ip: str, data: Mapping[tuple[str, str], Object]) -> str | None:
    if "fieldRef" in origin:
        return _field(origin["fieldRef"]["fieldPath"], pod, pod_ip)
    for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        if reference := origin.get(field):
            value = _content(data.get((kind, reference["name"]))).get(reference["key"])
            if value is None and not reference.get("optional"):
                raise ConfigError(f"couldn't find key {reference['key']} in {kind} {reference['name']}")
            return value
    raise ConfigError(f"the sandbox's node knows no environment from {', '.join(origin)}")


def _field(path: str, pod: Object, pod_ip: str) -> str:
    metadata, spec = pod["metadata"], pod["spec"]
    fields = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", ""),
        "status.podIP": pod_ip,
        "status.podIPs": pod_ip,
        "status.hostIP": "127.0.0.1",
        "status.hostIPs": "127.0.0.1",
    }
    if subscript := _SUBSCRIPT.fullmatch(path):
        return str((metadata.get(subscript[1]) or {}).get(subscript[2], ""))
    try:
        return str(fields[path])
    except KeyError:
        raise ConfigError(f"the sandbox's node knows no field {path}") from None


def _content(source: Object | None) -> dict[str, str]:
    if source is None:
        return {}
    content: dict[str, str] = source.get("data") or {}
    if source["kind"] == "Secret":
        return {key: base64.b64decode(value).decode() for key, value in content.items()}
    return content
