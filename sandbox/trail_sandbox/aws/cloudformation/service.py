"""CloudFormation's operations on stacks and change sets.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html
"""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from trail_sandbox.aws.cloudformation.checks import check_capabilities
from trail_sandbox.aws.cloudformation.clients import Clients
from trail_sandbox.aws.cloudformation.engine import Engine
from trail_sandbox.aws.cloudformation.parameters import texts_of
from trail_sandbox.aws.cloudformation.stack import Basis, Stack
from trail_sandbox.aws.cloudformation.template import Template, invalid, parse
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.regions import partition_of

_STACK_NAME = re.compile(r"\A[A-Za-z][A-Za-z0-9-]{0,127}\Z")
_FOR_STACK = frozenset(
    {"StackName", "TemplateBody", "UsePreviousTemplate", "Parameters", "Capabilities", "ClientRequestToken"}
)
_FOR_CHANGE_SET = _FOR_STACK | {"ChangeSetName", "ChangeSetType", "Description", "ClientToken"}
_NOT_FOUND = "ChangeSetNotFound"
_NOT_YET = "REVIEW_IN_PROGRESS"
_NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."

Parameters = Mapping[str, Any]
Output = dict[str, Any]


@dataclass(frozen=True)
class ChangeSet:
    """A change set: a basis that a stack can be brought to."""

    id: str
    name: str
    stack: Stack
    basis: Basis
    reason: str = ""
    """Why it cannot be executed; empty if it can."""

    def describe(self) -> Output:
        """As DescribeChangeSet answers, without the list of changes."""
        return {
            "ChangeSetId": self.id,
            "ChangeSetName": self.name,
            "StackId": self.stack.id,
            "StackName": self.stack.name,
            "Status": "FAILED" if self.reason else "CREATE_COMPLETE",
            "ExecutionStatus": "UNAVAILABLE" if self.reason else "AVAILABLE",
            **({"StatusReason": self.reason} if self.reason else {}),
        }


class CloudFormation:
    """All stacks. Its calls block, while they call other services: they belong into a thread."""

    def __init__(self, endpoint: str, clock: Callable[[], datetime]) -> None:
        """`endpoint`: the URL of this AWS, for the calls to other services."""
        self._endpoint = endpoint
        self._clock = clock
        self._engine = Engine(clock)
        self._lock = Lock()
        self._stacks: dict[str, Stack] = {}
        """By their ids, deleted ones as well."""
        self._change_sets: dict[str, ChangeSet] = {}
        self._operations: dict[str, Callable[[str, Clients, Parameters], Output]] = {
            "CreateStack": self._create_stack,
            "UpdateStack": self._update_stack,
            "DeleteStack": self._delete_stack,
            "DescribeStacks": self._describe_stacks,
            "DescribeStackEvents": self._describe_stack_events,
            "DescribeStackResources": self._describe_stack_resources,
            "GetTemplate": self._get_template,
            "GetTemplateSummary": self._get_template_summary,
            "ValidateTemplate": self._validate_template,
            "CreateChangeSet": self._create_change_set,
            "DescribeChangeSet": self._describe_change_set,
            "ExecuteChangeSet": self._execute_change_set,
        }

    def clients(self, region: str, access_key_id: str, session_token: str | None) -> Clients:
        """Return what makes calls in a region with a caller's credentials."""
        return Clients(self._endpoint, region, access_key_id, session_token)

    def answer(self, operation: str, account: str, clients: Clients, parameters: Parameters) -> Output:
        """Carry out an operation in an account and in the clients' region; raises AwsError."""
        if operation not in self._operations:
            message = f"The emulated AWS does not know this operation: cloudformation {operation}"
            raise AwsError("NotImplemented", message, 501)
        return self._operations[operation](account, clients, parameters)

    def reset(self) -> None:
        """Forget all stacks."""
        self._stacks.clear()
        self._change_sets.clear()

    def _create_stack(self, account: str, clients: Clients, parameters: Parameters) -> Output:
        _check_parameters(parameters, _FOR_STACK)
        stack = self._new_stack(account, clients, parameters, "CREATE_IN_PROGRESS")
        self._engine.create(stack, clients)
        return {"StackId": stack.id}

    def _new_stack(self, account: str, clients: Clients, parameters: Parameters, status: str) -> Stack:
        name, region = str(parameters["StackName"]), clients.region
        if not _STACK_NAME.match(name):
            raise invalid(f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint")
        stack_id = f"arn:{partition_of(region)}:cloudformation:{region}:{account}:stack/{name}/{uuid.uuid4()}"
        stack = Stack(name, stack_id, account, region, self._clock(), _basis(parameters, None), status)
        self._check(stack, stack.basis)
        with self._lock:
            if self._find(account, region, name):
                raise AwsError("AlreadyExistsException", f"Stack [{name}] already exists")
            self._stacks[stack_id] = stack
        stack.turn(status, self._clock(), "User Initiated")
        return stack

    def _check(self, stack: Stack, basis: Basis) -> None:
        self._engine.check(stack, basis)
        check_capabilities(basis.template, basis.capabilities)

    def _update_stack(self, account: str, clients: Clients, parameters: Parameters) -> Output:
        _check_parameters(parameters, _FOR_STACK)
        stack = self._existing(account, clients, parameters)
        basis = _basis(parameters, stack)
        self._check(stack, basis)
        if basis.makes_the_same_as(stack.basis):
            raise invalid("No updates are to be performed.")
        self._begin(stack, "UPDATE_IN_PROGRESS", "updated")
        self._engine.update(stack, basis, clients)
        return {"StackId": stack.id}

    def _delete_stack(self, account: str, clients: Clients, parameters: Parameters) -> Output:
        _check_parameters(parameters, frozenset({"StackName", "ClientRequestToken"}))
        stack = self._find(account, clients.region, parameters["StackName"])
        # AWS answers the same for a stack that does not exist.
        if stack and stack.deleted is None:
            self._begin(stack, "DELETE_IN_PROGRESS", "deleted")
            self._engine.delete(stack, clients)
        return {}

    def _begin(self, stack: Stack, status: str, what: str) -> None:
        with self._lock:
            if stack.status.endswith("_IN_PROGRESS") and stack.status != _NOT_YET:
                raise invalid(f"Stack:{stack.id} is in {stack.status} state and can not be {what}.")
            if what == "updated" and stack.status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"):
                raise invalid(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
            stack.turn(status, self._clock(), "User Initiated")

    def _describe_stacks(self, account: str, clients: Clients, parameters: Parameters) -> Output:
        if parameters.get("StackName"):
            return {"Stacks": [self._existing(account, clients, parameters).describe()]}
        stacks = [one for one in self._stacks.values() if (one.account, one.region) == (account, clients.region)]
        return {"Stacks": [one.describe() for one in stacks if one.deleted is None]}

    def _describe_stack_events(self, account: str, clients: Clients, parameters: Parameters) -> Output:
        return {"StackEvents": list(reversed(self._existing(account, clients, parameters).events))}

    def _describe_stack_resources(self, account: str, clients: Clients, parameters: Parameters) -> Output:
        wanted = parameters.get("LogicalResourceId")
        found = self._existing(account, clients, parameters).describe_resources()
        return {"StackResources": [one for one in found if wanted in (None, one["LogicalResourceId"])]}

    def _get_template(self, account: str, clients: Clients, parameters: Parameters) -> Output:
        return {"TemplateBody": self._existing(account, clients, parameters).basis.template.text}

    def _get_template_summary(self, account: str, clients: Clients, parameters: Parameters) -> Output:
        if parameters.get("StackName"):
            return _summary(self._existing(account, clients, parameters).basis.template)
        return _summary(_template(parameters, None))

    def _validate_template(self, _: str, __: Clients, parameters: Parameters) -> Output:
        return _summary(_template(parameters, None))

    def _create_change_set(self, account: str, clients: Clients, parameters: Parameters) -> Output:
        _check_parameters(parameters, _FOR_CHANGE_SET)
        if parameters.get("ChangeSetType") == "CREATE":
            stack = self._new_stack(account, clients, parameters, _NOT_YET)
            basis, reason = stack.basis, ""
        else:
            stack = self._existing(account, clients, parameters)
            basis = _basis(parameters, stack)
            self._check(stack, basis)
            reason = _NO_CHANGES if basis.makes_the_same_as(stack.basis) else ""
        name = str(parameters["ChangeSetName"])
        identifier = f"{stack.id.partition(':stack/')[0]}:changeSet/{name}/{uuid.uuid4()}"
        self._change_sets[identifier] = ChangeSet(identifier, name, stack, basis, reason)
        return {"Id": identifier, "StackId": stack.id}

    def _describe_change_set(self, account: str, clients: Clients, parameters: Parameters) -> Output:
        return self._change_set(account, clients, parameters).describe()

    def _execute_change_set(self, account: str, clients: Clients, parameters: Parameters) -> Output:
        change_set = self._change_set(account, clients, parameters)
        if change_set.reason:
            message = f"ChangeSet [{change_set.id}] cannot be executed in its current status of [FAILED]"
            raise AwsError("InvalidChangeSetStatus", message)
        stack = change_set.stack
        is_new = stack.status == _NOT_YET
        self._begin(stack, "CREATE_IN_PROGRESS" if is_new else "UPDATE_IN_PROGRESS", "updated")
        del self._change_sets[change_set.id]
        if is_new:
            self._engine.create(stack, clients)
        else:
            self._engine.update(stack, change_set.basis, clients)
        return {}

    def _change_set(self, account: str, clients: Clients, parameters: Parameters) -> ChangeSet:
        wanted = parameters["ChangeSetName"]
        for one in self._change_sets.values():
            is_here = (one.stack.account, one.stack.region) == (account, clients.region)
            is_of_stack = parameters.get("StackName") in (None, one.stack.name, one.stack.id)
            if is_here and is_of_stack and wanted in (one.id, one.name):
                return one
        raise AwsError(_NOT_FOUND, f"ChangeSet [{wanted}] does not exist", 404)

    def _existing(self, account: str, clients: Clients, parameters: Parameters) -> Stack:
        name = str(parameters.get("StackName", ""))
        stack = self._find(account, clients.region, name)
        if stack is None:
            raise invalid(f"Stack with id {name} does not exist")
        return stack

    def _find(self, account: str, region: str, name: str) -> Stack | None:
        """Find a stack by its id, or by its name if it is not deleted."""
        for one in list(self._stacks.values()):
            is_meant = one.id == name or (one.name == name and one.deleted is None)
            if is_meant and (one.account, one.region) == (account, region):
                return one
        return None


def _check_parameters(parameters: Parameters, known: frozenset[str]) -> None:
    unknown = sorted(name for name, value in parameters.items() if name not in known and value not in (None, [], ""))
    if unknown:
        raise invalid(f"The emulated AWS does not implement {', '.join(unknown)} of this operation")


def _summary(template: Template) -> Output:
    slots = [
        {"ParameterKey": name, "DefaultValue": slot.get("Default", ""), "Description": slot.get("Description", "")}
        for name, slot in template.parameters.items()
    ]
    return {"Parameters": slots, "Description": template.description, "Capabilities": sorted(template.capabilities)}


def _template(parameters: Parameters, stack: Stack | None) -> Template:
    if stack and parameters.get("UsePreviousTemplate"):
        return stack.basis.template
    if not parameters.get("TemplateBody"):
        raise invalid("Either Template URL or Template Body must be specified.")
    return parse(str(parameters["TemplateBody"]))


def _basis(parameters: Parameters, stack: Stack | None) -> Basis:
    """Read what a stack is to be made from; previous values are those of the stack."""
    template, given = _template(parameters, stack), {}
    previous = stack.basis.parameters if stack else {}
    for entry in parameters.get("Parameters") or []:
        key = str(entry["ParameterKey"])
        if not entry.get("UsePreviousValue"):
            given[key] = str(entry.get("ParameterValue") or "")
        elif key in previous:
            given[key] = previous[key]
        else:
            raise invalid(f"Invalid input for parameter key {key}. Cannot specify usePreviousValue as true.")
    return Basis(template, texts_of(template, given), tuple(parameters.get("Capabilities") or ()))
