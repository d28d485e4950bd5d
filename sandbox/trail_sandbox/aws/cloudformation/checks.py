"""What CloudFormation refuses about a template before it creates anything, and the order in which it creates."""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from trail_sandbox.aws.cloudformation.functions import NO_VALUE, Evaluator, references
from trail_sandbox.aws.cloudformation.template import Template, invalid
from trail_sandbox.aws.cloudformation.types import TYPES
from trail_sandbox.aws.errors import AwsError


def check_template(template: Template, pseudo_parameters: Iterable[str]) -> None:
    """Refuse types that are not implemented, and references to what the template does not have."""
    unknown = sorted({one["Type"] for one in template.resources.values()} - set(TYPES))
    if unknown:
        raise invalid(
            f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]. "
            f"The emulated AWS has {', '.join(TYPES)}."
        )
    values = {*template.parameters, *pseudo_parameters, NO_VALUE}
    _check_references(template.resources, values | set(template.resources), "Resources")
    _check_references(template.outputs, values | set(template.resources), "Outputs")
    _check_references(template.conditions, values, "Conditions")
    for part in (template.resources, template.outputs):
        _check_attributes(part, template.resources)
    if any("Export" in output for output in template.outputs.values()):
        raise invalid("The emulated AWS has no exports of outputs")


def check_capabilities(template: Template, given: Iterable[str]) -> None:
    """Refuse a template with roles for whose creation the caller did not ask."""
    named, plain = "CAPABILITY_NAMED_IAM", "CAPABILITY_IAM"
    enough = {plain: {plain, named}, named: {named}}
    if any(not enough[needed] & set(given) for needed in template.capabilities):
        needed = ", ".join(template.capabilities)
        raise AwsError("InsufficientCapabilitiesException", f"Requires capabilities : [{needed}]")


def check_rules(template: Template, evaluator: Evaluator) -> None:
    """Refuse parameters that break the template's rules.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html
    """
    for rule in template.rules.values():
        if "RuleCondition" in rule and not evaluator.holds(rule["RuleCondition"]):
            continue
        for assertion in rule["Assertions"]:
            if not evaluator.holds(assertion["Assert"]):
                message = assertion.get("AssertDescription", "")
                raise invalid(f"Template format error: Rule failed: {message}")


def creation_order(template: Template, evaluator: Evaluator) -> list[str]:
    """Return the resources whose conditions hold, each after those that it refers to."""
    wanted = [
        name
        for name, resource in template.resources.items()
        if "Condition" not in resource or evaluator.condition(resource["Condition"])
    ]
    needs = {name: _needs(template.resources[name]) & {*wanted} for name in wanted}
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise invalid(f"Circular dependency between resources: [{', '.join(sorted(set(error.args[1])))}]") from error


def _needs(resource: Mapping[str, Any]) -> set[str]:
    depends = resource.get("DependsOn", [])
    return {*references(resource.get("Properties", {})), *([depends] if isinstance(depends, str) else depends)}


def _check_references(part: Any, names: set[str], section: str) -> None:
    missing = sorted(set(references(part)) - names)
    if missing:
        raise invalid(
            f"Template format error: Unresolved resource dependencies [{', '.join(missing)}] "
            f"in the {section} block of the template"
        )


def _check_attributes(part: Any, resources: Mapping[str, Any]) -> None:
    if isinstance(part, list):
        for one in part:
            _check_attributes(one, resources)
    elif isinstance(part, dict):
        for name, argument in part.items():
            if name == "Fn::GetAtt":
                resource, attribute = argument
                if resource not in resources:
                    raise invalid(f"Template error: instance of Fn::GetAtt references undefined resource {resource}")
                if attribute not in TYPES[resources[resource]["Type"]].attributes:
                    raise invalid(
                        f"Template error: resource {resource} does not support attribute type {attribute} in Fn::GetAtt"
                    )
            _check_attributes(argument, resources)
