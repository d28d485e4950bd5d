"""Asks the API server about objects of one kind, and finds what a schema refuses that no case covers."""

import copy
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from tests.integration.admission.cases import Case, Parts
from tests.patience import eventually

Schema = dict[str, Any]
Cause = tuple[str, str]
Rule = tuple[str, str, str]
"""Where it applies, the keyword of the schema, and the message of a CEL rule."""

# These restrict nothing, or have a test of their own.
_NO_BOUNDS = {"description", "default", "properties", "items", "type", "required", "x-kubernetes-list-type"}


class Admission:
    """Asks the API server of one namespace; what is only asked for is not stored."""

    def __init__(self, api: client.ApiClient, namespace: str, definition: Parts, minimal: Parts) -> None:
        self.namespace = namespace
        self._objects = client.CustomObjectsApi(api)
        spec = definition["spec"]
        self._place = (spec["group"], spec["versions"][0]["name"], namespace, spec["names"]["plural"])
        self._minimal = minimal

    def create(self, parts: Parts, *, stored: bool = False) -> dict[str, Any]:
        """Create an object, minimal but for these parts; raises ApiException where it is refused."""
        manifest = {**self._minimal, **{name: {**self._minimal[name], **part} for name, part in parts.items()}}
        return self.send(manifest, stored=stored)

    def send(self, manifest: dict[str, Any], *, stored: bool = False) -> dict[str, Any]:
        """Create an object of that whole manifest; raises ApiException where it is refused."""
        body: dict[str, Any] = self._objects.create_namespaced_custom_object(
            *self._place, manifest, field_validation="Strict", **_kept(stored)
        )
        return body

    def change(self, name: str, parts: Parts, *, stored: bool = False) -> dict[str, Any]:
        """Change these parts of a stored object; raises ApiException where it is refused."""
        patch = self._objects.patch_namespaced_custom_object
        if "status" in parts:
            patch = self._objects.patch_namespaced_custom_object_status
        body: dict[str, Any] = patch(
            *self._place,
            name,
            parts,
            field_validation="Strict",
            _content_type="application/merge-patch+json",
            **_kept(stored),
        )
        return body

    def store(self, parts: Parts) -> str:
        """Have an object with these parts, its status included; its name."""
        name: str = self.create({part: value for part, value in parts.items() if part != "status"}, stored=True)[
            "metadata"
        ]["name"]
        if "status" in parts:
            self.change(name, {"status": parts["status"]}, stored=True)
        return name

    def get(self, name: str) -> dict[str, Any] | None:
        """The stored object, if there is one."""
        try:
            body: dict[str, Any] = self._objects.get_namespaced_custom_object(*self._place, name)
        except ApiException as error:
            if error.status == 404:
                return None
            raise
        return body

    def delete(self, name: str, *, dry_run: bool = False) -> None:
        """Ask for the deletion of a stored object."""
        self._objects.delete_namespaced_custom_object(*self._place, name, **_kept(not dry_run))

    def wait_gone(self, name: str) -> None:
        """Wait until a stored object is no more."""
        eventually(f"{name} gone", lambda: self.get(name) is None)

    def write(self, before: Parts | None, parts: Parts) -> dict[str, Any]:
        """Write the parts of a case: a new object, or a change of the one that was before."""
        if before is None and "status" not in parts:
            return self.create(parts)
        name = self.store(before or {})
        try:
            return self.change(name, parts)
        finally:
            self.delete(name)

    def causes(self, before: Parts | None, parts: Parts) -> list[Cause]:
        """Why the API server refuses to write that, each as field and message; none where it does not refuse."""
        try:
            self.write(before, parts)
        except ApiException as error:
            if error.status != 422:
                raise
            return [_cause(entry) for entry in json.loads(error.body)["details"]["causes"] if _is_a_cause(entry)]
        return []


@contextmanager
def in_namespace(api: client.ApiClient, name: str, definition: Parts, minimal: Parts) -> Iterator[Admission]:
    """Ask in a namespace that is made for it. `minimal`: a manifest of the definition's kind."""
    core = client.CoreV1Api(api)
    core.create_namespace({"metadata": {"name": name}})
    yield Admission(api, name, definition, minimal)
    core.delete_namespace(name)


def _kept(stored: bool) -> dict[str, str]:
    return {} if stored else {"dry_run": "All"}


def _is_a_cause(entry: dict[str, str]) -> bool:
    return "some validation rules were not checked" not in entry["message"]


def _cause(entry: dict[str, str]) -> Cause:
    return re.sub(r"\[\d+\]", "[]", entry["field"].replace("<nil>", "")), entry["message"]


def nodes(schema: Schema) -> dict[str, Schema]:
    """Each part of a schema by its path. What every resource has is the API server's own, and left out."""
    return dict(_walk(schema, ""))


def _walk(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        if path or name in ("spec", "status"):
            yield from _walk(child, f"{path}.{name}".removeprefix("."))
    if "items" in schema:
        yield from _walk(schema["items"], f"{path}[]")


def examples(cases: Iterable[Case], kind: str) -> list[Any]:
    """The parameters of a test: each case with each of its examples, `accepted` or `refused`."""
    return [
        pytest.param(case, parts, id=f"{number}-{case.path or 'root'}-{case.keyword}-{index}")
        for number, case in enumerate(cases)
        for index, parts in enumerate(getattr(case, kind))
    ]


def rules(found: Mapping[str, Schema]) -> Iterator[Rule]:
    """All that a schema, given by its paths, can refuse."""
    for path, schema in found.items():
        for keyword in schema.keys() - _NO_BOUNDS:
            if keyword == "x-kubernetes-validations":
                yield from ((path, "rule", entry["message"]) for entry in schema[keyword])
            else:
                yield f"{path}[]" if keyword == "x-kubernetes-list-map-keys" else path, keyword, ""
        if schema.get("x-kubernetes-list-type") == "set":
            yield f"{path}[]", "x-kubernetes-list-type", ""


def _is_about(case: Case, rule: Rule) -> bool:
    path, keyword, message = rule
    return (case.path, case.keyword) == (path, keyword) and (keyword != "rule" or case.says in message)


def without_case(found: Mapping[str, Schema], cases: Collection[Case]) -> list[Rule]:
    """The rules and bounds that no case is about."""
    return [rule for rule in rules(found) if not any(_is_about(case, rule) for case in cases)]


def without_one_rule(found: Mapping[str, Schema], cases: Iterable[Case]) -> list[Case]:
    """The cases that are not about exactly one rule or bound."""
    return [case for case in cases if sum(_is_about(case, rule) for rule in rules(found)) != 1]


def transitions(found: Mapping[str, Schema]) -> list[Rule]:
    """The rules about a change."""
    return [
        (path, "rule", entry["message"])
        for path, schema in found.items()
        for entry in schema.get("x-kubernetes-validations", [])
        if "oldSelf" in entry["rule"]
    ]


def without_change(found: Mapping[str, Schema], cases: Iterable[Case]) -> list[Rule]:
    """The rules about a change that no case about a change is about."""
    changes = [case for case in cases if case.before is not None]
    return [rule for rule in transitions(found) if not any(_is_about(case, rule) for case in changes)]


def required(found: Mapping[str, Schema]) -> list[str]:
    """The paths of all required fields, without the spec itself."""
    return [f"{path}.{name}" for path, schema in found.items() if path for name in schema.get("required", [])]


def with_value(parts: Parts, path: str, value: Any) -> Parts:
    """The part of `parts` that the path leads into, with that value at its end."""
    steps: list[Any] = [0 if step == "[]" else step for step in re.findall(r"[^.\[\]]+|\[\]", path)]
    result: Parts = {steps[0]: copy.deepcopy(parts[steps[0]])}
    place: Any = result
    for step in steps[:-1]:
        place = place[step]
    place[steps[-1]] = value
    return result


def of_another_type(found: Mapping[str, Schema], everything: Parts, path: str) -> tuple[Parts, str]:
    """Parts with a value of another type at the path, and what is said of it."""
    kind = found[path]["type"]
    parts = with_value(everything, path, 7 if kind == "string" else "text")
    return parts, f"must be of type {found[path].get('format', kind)}"
