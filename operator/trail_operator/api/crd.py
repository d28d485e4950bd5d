"""Generates the CustomResourceDefinitions from the models. A test compares the committed files with them."""

from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel

from trail_operator.api.aws_account import SPEC_RULES as ACCOUNT_RULES
from trail_operator.api.aws_account import AWSAccountSpec, AWSAccountStatus
from trail_operator.api.constants import (
    ACCOUNT_KIND,
    ACCOUNT_SHORT_NAME,
    ACCOUNTS,
    ALARM_SET_KIND,
    ALARM_SET_SHORT_NAME,
    ALARM_SET_VERSION,
    ALARM_SETS,
    GROUP,
    KIND,
    PLURAL,
    SHORT_NAME,
    VERSION,
)
from trail_operator.api.trail import TrailSpec
from trail_operator.api.trail_alarm_set import TrailAlarmSetSpec
from trail_operator.api.trail_alarm_set_rules import ROOT_RULES as ALARM_SET_ROOT_RULES
from trail_operator.api.trail_alarm_set_rules import SPEC_RULES as ALARM_SET_RULES
from trail_operator.api.trail_alarm_set_status import TrailAlarmSetStatus
from trail_operator.api.trail_rules import ROOT_RULES, SPEC_RULES
from trail_operator.api.trail_status import TrailStatus

_READY = '.status.conditions[?(@.type=="Ready")]'


@dataclass(frozen=True)
class _Kind:
    """What is specific to the definition of a kind."""

    kind: str
    plural: str
    short_name: str
    scope: str
    description: str
    spec: type[BaseModel]
    status: type[BaseModel]
    spec_rules: list[dict[str, str]]
    root_rules: list[dict[str, str]]
    columns: list[dict[str, Any]]
    version: str = VERSION


# kubectl shows columns of priority 1 with `-o wide` only, and keeps this order.
_TRAIL = _Kind(
    kind=KIND,
    plural=PLURAL,
    short_name=SHORT_NAME,
    scope="Namespaced",
    description="Trail manages an AWS CloudTrail trail and reports whether it is recording.",
    spec=TrailSpec,
    status=TrailStatus,
    spec_rules=SPEC_RULES,
    root_rules=ROOT_RULES,
    columns=[
        {"name": "Ready", "type": "string", "jsonPath": f"{_READY}.status"},
        {"name": "Logging", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Logging")].status'},
        {"name": "Reason", "type": "string", "jsonPath": f"{_READY}.reason"},
        {"name": "Bucket", "type": "string", "jsonPath": ".spec.s3BucketName"},
        {"name": "Region", "type": "string", "jsonPath": ".status.homeRegion"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        {"name": "Multi-Region", "type": "boolean", "priority": 1, "jsonPath": ".status.isMultiRegionTrail"},
        {"name": "ARN", "type": "string", "priority": 1, "jsonPath": ".status.arn"},
        {"name": "Account", "type": "string", "priority": 1, "jsonPath": ".status.accountID"},
    ],
)
_ACCOUNT = _Kind(
    kind=ACCOUNT_KIND,
    plural=ACCOUNTS,
    short_name=ACCOUNT_SHORT_NAME,
    scope="Cluster",
    description="AWSAccount is an AWS account: its credentials, who may use it for what, and its trails.",
    spec=AWSAccountSpec,
    status=AWSAccountStatus,
    spec_rules=ACCOUNT_RULES,
    root_rules=[],
    columns=[
        {"name": "Ready", "type": "string", "jsonPath": f"{_READY}.status"},
        {"name": "Reason", "type": "string", "jsonPath": f"{_READY}.reason"},
        {"name": "Account", "type": "string", "jsonPath": ".spec.accountID"},
        {"name": "Trails", "type": "integer", "jsonPath": ".status.trailCount"},
        {"name": "Unmanaged", "type": "integer", "jsonPath": ".status.unmanagedCount"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ],
)
_ALARM_SET = _Kind(
    kind=ALARM_SET_KIND,
    plural=ALARM_SETS,
    short_name=ALARM_SET_SHORT_NAME,
    scope="Namespaced",
    description="TrailAlarmSet manages CloudWatch alarms on the events that a Trail delivers to its log group.",
    spec=TrailAlarmSetSpec,
    status=TrailAlarmSetStatus,
    spec_rules=ALARM_SET_RULES,
    root_rules=ALARM_SET_ROOT_RULES,
    columns=[
        {"name": "Ready", "type": "string", "jsonPath": f"{_READY}.status"},
        {"name": "Alarms", "type": "integer", "jsonPath": ".status.alarmCount"},
        {"name": "Reason", "type": "string", "jsonPath": f"{_READY}.reason"},
        {"name": "Trail", "type": "string", "jsonPath": ".spec.trailRef.name"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        {
            "name": "Advisory",
            "type": "string",
            "priority": 1,
            "jsonPath": '.status.conditions[?(@.type=="Advisory")].reason',
        },
        {"name": "Region", "type": "string", "priority": 1, "jsonPath": ".status.region"},
        {"name": "Account", "type": "string", "priority": 1, "jsonPath": ".status.accountID"},
    ],
    version=ALARM_SET_VERSION,
)


def trail_crd() -> dict[str, Any]:
    """The CustomResourceDefinition of Trail."""
    return _definition(_TRAIL)


def account_crd() -> dict[str, Any]:
    """The CustomResourceDefinition of AWSAccount."""
    return _definition(_ACCOUNT)


def alarm_set_crd() -> dict[str, Any]:
    """The CustomResourceDefinition of TrailAlarmSet."""
    return _definition(_ALARM_SET)


def definitions() -> list[dict[str, Any]]:
    """All CustomResourceDefinitions."""
    return [trail_crd(), account_crd(), alarm_set_crd()]


class _WithoutAliases(yaml.SafeDumper):
    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _definition(of: _Kind) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{of.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": of.scope,
            "names": {
                "kind": of.kind,
                "listKind": f"{of.kind}List",
                "plural": of.plural,
                "singular": of.kind.lower(),
                "shortNames": [of.short_name],
                "categories": ["aws"],
            },
            "versions": [
                {
                    "name": of.version,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": of.columns,
                    "schema": {"openAPIV3Schema": _schema(of)},
                }
            ],
        },
    }


def _schema(of: _Kind) -> dict[str, Any]:
    spec = _structural(of.spec.model_json_schema(by_alias=True))
    spec["x-kubernetes-validations"] = of.spec_rules
    status = _structural(of.status.model_json_schema(by_alias=True))
    # kstatus and Argo CD then treat a new object as not yet observed, even before the operator's first write.
    status["default"] = {"observedGeneration": -1}
    schema: dict[str, Any] = {
        "description": of.description,
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
    }
    if of.root_rules:
        schema["x-kubernetes-validations"] = of.root_rules
    return schema


def render(definition: dict[str, Any]) -> str:
    """Return the definition as the YAML text that is committed."""
    text: str = yaml.dump(definition, Dumper=_WithoutAliases, sort_keys=False, width=120)
    return "# Generated by `trail-operator crds`; do not edit.\n" + text


def _structural(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a model's JSON schema as a structural schema: without references, titles or nulls.

    https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
    """
    definitions = schema.pop("$defs", {})

    def convert(node: dict[str, Any]) -> dict[str, Any]:
        node = dict(node)
        if "$ref" in node:
            referred = definitions[node.pop("$ref").rsplit("/", 1)[1]]
            node = {**referred, **node}
        if "anyOf" in node:  # an optional value is absent, never null
            (value,) = (option for option in node.pop("anyOf") if option != {"type": "null"})
            node = {**convert(value), **node}
        node.pop("title", None)
        # The API server writes only defaults that are true: nothing else may change what users wrote.
        if node.get("default") is not True and node.get("default") != -1:
            node.pop("default", None)
        if "properties" in node:
            node["properties"] = {name: convert(child) for name, child in node["properties"].items()}
        if "items" in node:
            node["items"] = convert(node["items"])
        return node

    return convert(schema)
