"""Brings stacks to their templates, and back where that fails. A call returns when its stack is at rest."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from trail_sandbox.aws.cloudformation.checks import check_rules, check_template, creation_order
from trail_sandbox.aws.cloudformation.clients import Clients
from trail_sandbox.aws.cloudformation.functions import Evaluator, text_of
from trail_sandbox.aws.cloudformation.parameters import values_of
from trail_sandbox.aws.cloudformation.stack import Basis, Resource, Stack
from trail_sandbox.aws.cloudformation.template import invalid
from trail_sandbox.aws.cloudformation.types import TYPES, Made, ResourceError
from trail_sandbox.aws.errors import AwsError

_FAILURES = (ResourceError, ClientError, BotoCoreError, AwsError, KeyError, TypeError, ValueError)


class _StackError(Exception):
    """Some resource could not be brought to its template."""


class Engine:
    """Creates, changes and deletes the resources of stacks."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def check(self, stack: Stack, basis: Basis) -> None:
        """Refuse a basis that AWS would refuse before it creates anything."""
        check_template(basis.template, stack.pseudo_parameters)
        evaluator = Evaluator(basis.template, _values(stack, basis), _no_attribute)
        check_rules(basis.template, evaluator)
        creation_order(basis.template, evaluator)

    def create(self, stack: Stack, clients: Clients) -> None:
        """Create all resources, or none."""
        try:
            self._bring(stack, stack.basis, clients)
        except _StackError as failure:
            stack.turn("ROLLBACK_IN_PROGRESS", self._clock(), str(failure))
            self._remove_all(stack, clients, "ROLLBACK")
        else:
            stack.turn("CREATE_COMPLETE", self._clock())

    def update(self, stack: Stack, basis: Basis, clients: Clients) -> None:
        """Bring the resources to another basis, or back to what they were."""
        try:
            self._bring(stack, basis, clients)
        except _StackError as failure:
            stack.turn("UPDATE_ROLLBACK_IN_PROGRESS", self._clock(), str(failure))
            try:
                self._bring(stack, stack.basis, clients)
            except _StackError as another:
                stack.turn("UPDATE_ROLLBACK_FAILED", self._clock(), str(another))
            else:
                stack.turn("UPDATE_ROLLBACK_COMPLETE", self._clock())
        else:
            stack.basis, stack.updated = basis, self._clock()
            stack.turn("UPDATE_COMPLETE", self._clock())

    def delete(self, stack: Stack, clients: Clients) -> None:
        """Delete all resources that are not retained."""
        self._remove_all(stack, clients, "DELETE")
        if stack.status == "DELETE_COMPLETE":
            stack.deleted = self._clock()

    def _bring(self, stack: Stack, basis: Basis, clients: Clients) -> None:
        """Create and change what the template has, then delete what it does not have."""
        values = _values(stack, basis)
        values |= {name: one.made.ref for name, one in stack.resources.items() if name in basis.template.resources}
        evaluator = Evaluator(basis.template, values, lambda name, attribute: _attribute(stack, name, attribute))
        order = creation_order(basis.template, evaluator)
        leftovers: list[Resource] = []
        for name in order:
            replaced = self._bring_resource(stack, name, basis.template.resources[name], evaluator, clients)
            values[name] = stack.resources[name].made.ref
            if replaced and not replaced.is_retained_at_replacement:
                leftovers.append(replaced)
        gone = [one for name, one in stack.resources.items() if name not in order]
        for one in reversed(gone):
            del stack.resources[one.name]
        for one in [*reversed(leftovers), *(one for one in reversed(gone) if not one.is_retained)]:
            self._remove(stack, one, clients)
        stack.outputs = _outputs(basis, evaluator)

    def _bring_resource(
        self, stack: Stack, name: str, definition: Mapping[str, Any], evaluator: Evaluator, clients: Clients
    ) -> Resource | None:
        """Create or change one resource; return the one that it replaces."""
        kind, had = definition["Type"], stack.resources.get(name)
        action = "UPDATE" if had else "CREATE"
        try:
            properties = evaluator.resolve(definition.get("Properties", {}))
            if had and (had.type, had.properties) == (kind, properties):
                return None
            TYPES[kind].check(properties)
            is_new = had is None or had.type != kind or _must_replace(had, properties)
            made = self._make(stack, name, kind, properties, None if is_new else had, clients)
        except _FAILURES as error:
            reason = _reason(error)
            stack.record(name, kind, had.made.physical_id if had else "", f"{action}_FAILED", self._clock(), reason)
            raise _StackError(f"The following resource(s) failed to {action.lower()}: [{name}].") from error
        stack.resources[name] = Resource(
            name,
            kind,
            properties,
            made,
            is_retained=definition.get("DeletionPolicy") == "Retain",
            is_retained_at_replacement=definition.get("UpdateReplacePolicy") == "Retain",
        )
        stack.record(name, kind, made.physical_id, f"{action}_COMPLETE", self._clock())
        return had if is_new else None

    def _make(
        self, stack: Stack, name: str, kind: str, properties: Mapping[str, Any], had: Resource | None, clients: Clients
    ) -> Made:
        if had:
            return TYPES[kind].update(clients, had.made, properties, had.properties)
        return TYPES[kind].create(clients, stack.name_for(name, TYPES[kind].longest_name), properties)

    def _remove_all(self, stack: Stack, clients: Clients, action: str) -> None:
        try:
            for one in reversed(list(stack.resources.values())):
                if not one.is_retained:
                    self._remove(stack, one, clients)
                del stack.resources[one.name]
        except _StackError as failure:
            stack.turn(f"{action}_FAILED", self._clock(), str(failure))
        else:
            stack.outputs = ()
            stack.turn(f"{action}_COMPLETE", self._clock())

    def _remove(self, stack: Stack, one: Resource, clients: Clients) -> None:
        try:
            TYPES[one.type].delete(clients, one.made, one.properties)
        except _FAILURES as error:
            reason = _reason(error)
            stack.record(one.name, one.type, one.made.physical_id, "DELETE_FAILED", self._clock(), reason)
            raise _StackError(f"The following resource(s) failed to delete: [{one.name}].") from error
        stack.record(one.name, one.type, one.made.physical_id, "DELETE_COMPLETE", self._clock())


def _values(stack: Stack, basis: Basis) -> dict[str, Any]:
    return {**stack.pseudo_parameters, **values_of(basis.template, basis.parameters)}


def _no_attribute(name: str, attribute: str) -> str:
    raise invalid(f"Template error: {name}.{attribute} cannot be used here")


def _attribute(stack: Stack, name: str, attribute: str) -> str:
    if name not in stack.resources:
        raise invalid(f"Template format error: Unresolved resource dependencies [{name}]")
    return stack.resources[name].made.attributes[attribute]


def _must_replace(had: Resource, properties: Mapping[str, Any]) -> bool:
    return any(had.properties.get(name) != properties.get(name) for name in TYPES[had.type].replacing)


def _outputs(basis: Basis, evaluator: Evaluator) -> list[Mapping[str, str]]:
    return [
        {
            "OutputKey": name,
            "OutputValue": text_of(evaluator.resolve(output["Value"])),
            "Description": str(output.get("Description", "")),
        }
        for name, output in basis.template.outputs.items()
        if "Condition" not in output or evaluator.condition(output["Condition"])
    ]


def _reason(error: Exception) -> str:
    if isinstance(error, ClientError):
        return f"{error.response['Error']['Message']} ({error.response['Error']['Code']}, {error.operation_name})"
    return error.message if isinstance(error, AwsError) else str(error) or type(error).__name__
