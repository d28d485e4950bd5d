"""Reads the manifests of Trails, TrailAlarmSets and AWSAccounts from files, directories and standard input.

Other kinds are ignored, as the output of Helm and Kustomize has many. What would be lost when the manifests are applied
is an error: an unknown field, a second object with the same name.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from trail_operator.api import crd
from trail_operator.api.constants import ACCOUNT_KIND, ALARM_SET_API_VERSION, ALARM_SET_KIND, API_VERSION, GROUP, KIND
from trail_operator.domain.texts import MESSAGE, clean, listed
from trail_operator.kube.client import Key
from trail_operator.preview.yaml_documents import YamlError, check_values, parse_documents

STDIN = "-"
_API_VERSIONS = {KIND: API_VERSION, ALARM_SET_KIND: ALARM_SET_API_VERSION, ACCOUNT_KIND: API_VERSION}
_SUFFIXES = (".yaml", ".yml", ".json")
_MOST_LISTS = 10_000
# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
_NAMESPACE = re.compile(r"(?=.{1,63}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


class ManifestError(Exception):
    """Manifests that cannot be used. `problems`: one line each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(clean(problem, MESSAGE) for problem in problems)
        super().__init__("; ".join(self.problems))


@dataclass(frozen=True)
class Manifest:
    """A manifest: known fields only, but no other rule of the CRD is checked."""

    source: str
    """Where it was read, for messages."""
    body: dict[str, Any]
    """The object without its status. A Trail or TrailAlarmSet has a namespace."""

    @property
    def kind(self) -> str:
        """`Trail`, `TrailAlarmSet` or `AWSAccount`."""
        return str(self.body["kind"])

    @property
    def name(self) -> str:
        """metadata.name."""
        return str(self.body["metadata"]["name"])

    @property
    def namespace(self) -> str | None:
        """The namespace of a Trail or TrailAlarmSet; None for an AWSAccount."""
        namespace: str | None = self.body["metadata"].get("namespace")
        return namespace

    @property
    def spec(self) -> dict[str, Any]:
        """The spec as written."""
        spec: dict[str, Any] = self.body["spec"]
        return spec

    def texts(self, field: str) -> dict[str, str]:
        """Return the labels or annotations, of which a manifest may have anything else."""
        found = self.body["metadata"].get(field)
        return {name: one for name, one in found.items() if isinstance(one, str)} if isinstance(found, dict) else {}

    def __str__(self) -> str:
        name = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {name}"


@dataclass(frozen=True)
class Manifests:
    """What was read, in its order."""

    trails: tuple[Manifest, ...]
    accounts: tuple[Manifest, ...]
    alarm_sets: tuple[Manifest, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to plan."""
        return bool(self.trails or self.alarm_sets)

    @property
    def referenced_trails(self) -> set[Key]:
        """The Trails in the trailRefs of the TrailAlarmSets."""
        references = [(one.namespace or "", one.spec.get("trailRef")) for one in self.alarm_sets]
        return {Key(place, str(one["name"])) for place, one in references if isinstance(one, dict) and one.get("name")}

    @property
    def referenced_accounts(self) -> set[str]:
        """The names of AWSAccounts in the accountRefs of the Trails."""
        references = [manifest.spec.get("accountRef") for manifest in self.trails]
        return {str(one["name"]) for one in references if isinstance(one, dict) and one.get("name")}


def read_manifests(
    paths: Sequence[str], *, namespace: str = "default", stdin: Callable[[], bytes] | None = None
) -> Manifests:
    """Read files, directories (their .yaml, .yml and .json files) and standard input (`-`). Raises ManifestError.

    `namespace`: that of Trails and TrailAlarmSets whose manifest has none.
    """
    reader = _Reader(namespace)
    if paths.count(STDIN) > 1:
        raise ManifestError(["standard input (-) can be given only once"])
    for path in paths:
        reader.read(path, stdin or _read_stdin)
    return reader.result(paths)


def _read_stdin() -> bytes:
    return sys.stdin.buffer.read() if sys.stdin else b""  # it may be closed, as in the job of a scheduler


class _Reader:
    """Collects manifests, and everything that is wrong with them."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._found: dict[str, Manifest] = {}
        self._problems: list[str] = []

    def read(self, path: str, stdin: Callable[[], bytes]) -> None:
        """Read a file, the files of a directory, or standard input."""
        try:
            if path == STDIN:
                self._add_documents("standard input", stdin(), strict=True)
            elif Path(path).is_dir():
                for file in sorted(Path(path).iterdir()):
                    if file.suffix in _SUFFIXES and not file.is_dir():
                        self._add_documents(str(file), file.read_bytes(), strict=False)
            else:
                self._add_documents(path, Path(path).read_bytes(), strict=True)
        except OSError as error:
            self._problems.append(f"{error.filename or path}: {error.strerror}")

    def result(self, paths: Sequence[str]) -> Manifests:
        """Return what was found. Raises ManifestError if there are problems, or nothing to plan."""
        found = Manifests(*(self._of(kind) for kind in (KIND, ACCOUNT_KIND, ALARM_SET_KIND)))
        if not found and not self._problems:
            self._problems.append(f"no Trail or TrailAlarmSet of {GROUP} in {listed(paths)}")
        if self._problems:
            raise ManifestError(self._problems)
        return found

    def _of(self, kind: str) -> tuple[Manifest, ...]:
        return tuple(one for one in self._found.values() if one.kind == kind)

    def _add_documents(self, source: str, content: bytes, *, strict: bool) -> None:
        """Add the manifests of a text. `strict`: whether every document in it must be a manifest."""
        try:
            documents = parse_documents(content)
        except YamlError as error:
            self._problems.append(f"{source}: {error}")
            return
        for number, document in enumerate(documents, start=1):
            place = source if len(documents) == 1 else f"{source}, document {number}"
            if isinstance(document, dict) and "kind" in document:
                self._add_object(place, document)
            elif strict and document is not None:
                self._problems.append(f"{place}: not a manifest: it has no kind")

    def _add_object(self, place: str, body: dict[str, Any]) -> None:
        for number, one in enumerate(_objects(body)):
            if number >= _MOST_LISTS:
                self._problems.append(f"{place}: a list of more than {_MOST_LISTS:,} manifests")
                return
            if _is_of_operator(one):
                self._add(place, one)

    def _add(self, place: str, body: dict[str, Any]) -> None:
        try:
            check_values(body)
        except YamlError as error:
            self._problems.append(f"{place}: {error}")
            return
        if problems := list(_problems(body)):
            self._problems += [f"{place}: {problem}" for problem in problems]
            return
        manifest = Manifest(place, self._normalized(body))
        if str(manifest) in self._found:
            self._problems.append(f"{place}: {manifest} is also in {self._found[str(manifest)].source}")
        else:
            self._found[str(manifest)] = manifest

    def _normalized(self, body: dict[str, Any]) -> dict[str, Any]:
        metadata = dict(body["metadata"])
        if body["kind"] != ACCOUNT_KIND:
            metadata["namespace"] = metadata.get("namespace") or self._namespace
        else:
            metadata.pop("namespace", None)
        found = {name: value for name, value in body.items() if name != "status"}
        return found | {"metadata": metadata, "spec": _without_nulls(body["spec"])}


def _without_nulls(value: Any) -> Any:
    """Return a value without fields that are null. So does the API server: no field of the schema is nullable."""
    if isinstance(value, list):
        return [_without_nulls(one) for one in value]
    if isinstance(value, dict):
        return {name: _without_nulls(one) for name, one in value.items() if one is not None}
    return value


def _objects(body: Mapping[Any, Any]) -> Iterator[dict[str, Any]]:
    """Yield the object, or the objects in a list such as `kubectl get -o yaml` prints."""
    items = body.get("items")
    if not str(body["kind"]).endswith("List") or not isinstance(items, list):
        yield dict(body)
        return
    for item in items:
        if isinstance(item, dict) and "kind" in item:
            yield item


def _is_of_operator(body: Mapping[str, Any]) -> bool:
    """Whether an object is of this operator: ACK and Crossplane have a kind Trail, too."""
    return body["kind"] in _API_VERSIONS and str(body.get("apiVersion")).partition("/")[0] == GROUP


def _problems(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a manifest of this operator."""
    kind, metadata = body["kind"], body.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    name = metadata.get("name")
    if not isinstance(name, str) or not name:
        yield f"{kind} without metadata.name"
        return
    if body["apiVersion"] != _API_VERSIONS[kind]:
        yield f"{kind} {name}: apiVersion must be {_API_VERSIONS[kind]}"
    if not _NAME.fullmatch(name):
        yield f"{kind} {name}: metadata.name must be lower-case letters, digits, hyphens and dots"
    namespace = metadata.get("namespace") or ""
    if not isinstance(namespace, str):
        yield f"{kind} {name}: metadata.namespace must be a string"
    elif namespace and not _NAMESPACE.fullmatch(namespace):
        yield f"{kind} {name}: metadata.namespace must be lower-case letters, digits and hyphens"
    if not isinstance(body.get("spec"), dict):
        yield f"{kind} {name}: spec must be an object"
        return
    for field, known in _unknown_fields(body, _SCHEMAS[kind], ""):
        nearest = get_close_matches(field.rpartition(".")[2], known, 1)
        yield f"{kind} {name}: unknown field {field}" + (f" (did you mean {nearest[0]}?)" if nearest else "")


def _unknown_fields(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the path of each field that the schema lacks, with the names that it has instead."""
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from _unknown_fields(item, schema["items"], f"{path}[{number}]")
    if not isinstance(value, dict) or "properties" not in schema:
        return
    properties = schema["properties"]
    for name, inner in value.items():
        field = f"{path}.{name}" if path else str(name)
        if name not in properties:
            yield field, list(properties)
        elif field != "status":
            yield from _unknown_fields(inner, properties[name], field)


def _schema(definition: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


_SCHEMAS = {definition["spec"]["names"]["kind"]: _schema(definition) for definition in crd.definitions()}
