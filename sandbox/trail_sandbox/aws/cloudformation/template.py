"""Templates: YAML or JSON text, the short forms of functions, and the sections that this CloudFormation knows.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from trail_sandbox.aws.errors import AwsError

# Bytes of TemplateBody: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
_LONGEST = 51_200
_SECTIONS = ("Parameters", "Rules", "Mappings", "Conditions", "Resources", "Outputs")
_OTHER_SECTIONS = ("AWSTemplateFormatVersion", "Description", "Metadata")
_RESOURCE_MEMBERS = (
    *("Type", "Properties", "Condition", "DependsOn", "Metadata"),
    *("DeletionPolicy", "UpdateReplacePolicy"),
)


@dataclass(frozen=True)
class Template:
    """A template, section by section."""

    text: str
    description: str
    parameters: Mapping[str, Any]
    rules: Mapping[str, Any]
    mappings: Mapping[str, Any]
    conditions: Mapping[str, Any]
    resources: Mapping[str, Any]
    outputs: Mapping[str, Any]
    capabilities: frozenset[str] = field(default_factory=frozenset)
    """What a caller must acknowledge: CAPABILITY_IAM, or CAPABILITY_NAMED_IAM for roles with names."""


def invalid(message: str) -> AwsError:
    """Return the error that CloudFormation answers to whatever is wrong with a request."""
    return AwsError("ValidationError", message)


def parse(text: str) -> Template:
    """Read a template; raises AwsError for what is none, and for sections that this CloudFormation lacks."""
    if len(text.encode()) > _LONGEST:
        raise invalid(f"templateBody has length greater than {_LONGEST}")
    try:
        body = yaml.load(text, _Loader)  # noqa: S506 - a loader of plain values
    except yaml.YAMLError as error:
        raise invalid(f"Template format error: YAML not well-formed. ({error})") from error
    if not isinstance(body, dict):
        raise invalid("Template format error: unsupported structure.")
    unknown = sorted(set(map(str, body)) - {*_SECTIONS, *_OTHER_SECTIONS})
    if unknown:
        raise invalid(f"Invalid template property or properties [{', '.join(unknown)}]")
    sections = {name.lower(): _section(body, name) for name in _SECTIONS}
    _check_resources(sections["resources"])
    return Template(
        text=text,
        description=str(body.get("Description", "")),
        capabilities=_capabilities(sections["resources"]),
        **sections,
    )


def _section(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = body.get(name, {})
    if not isinstance(section, dict) or not all(isinstance(member, dict) for member in section.values()):
        raise invalid(f"Template format error: [/{name}] must be a map of objects.")
    return section


def _check_resources(resources: Mapping[str, Any]) -> None:
    if not resources:
        raise invalid("Template format error: At least one Resources member must be defined.")
    for name, resource in resources.items():
        if not isinstance(resource.get("Type"), str):
            message = "Every Resources object must contain a Type member."
            raise invalid(f"Template format error: [/Resources/{name}] {message}")
        unknown = sorted(set(resource) - set(_RESOURCE_MEMBERS))
        if unknown:
            raise invalid(f"Invalid template resource property '{unknown[0]}'")


def _capabilities(resources: Mapping[str, Any]) -> frozenset[str]:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-template.html#using-iam-capabilities."""
    roles = [one.get("Properties", {}) for one in resources.values() if one["Type"].startswith("AWS::IAM::")]
    if any("RoleName" in role for role in roles):
        return frozenset({"CAPABILITY_NAMED_IAM"})
    return frozenset({"CAPABILITY_IAM"} if roles else ())


class _Loader(yaml.SafeLoader):
    """YAML of plain values: CloudFormation reads dates as text, and tags as functions."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _function(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    """Write a short form in full: `!Sub x` is `Fn::Sub: x`, `!GetAtt A.B` is `Fn::GetAtt: [A, B]`."""
    argument: Any = None
    if isinstance(node, yaml.ScalarNode):
        argument = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        argument = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        argument = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(argument, str):
        argument = argument.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": argument}


_Loader.add_multi_constructor("!", _function)
