"""The templates of examples/cloudformation, and stacks made from them as they stand."""

import sys
from pathlib import Path
from typing import Any

from tests.integration.aws import REGION, Account

FOLDER = Path(__file__).parents[1] / "examples" / "cloudformation"
HUB, MEMBER, ROLE = (FOLDER / name for name in ("events-hub.yaml", "events-member.yaml", "operator-role.yaml"))
TEMPLATES = (HUB, MEMBER, ROLE)
AWS_CLI = str(Path(sys.executable).parent / "aws")


def deploy(
    account: Account, template: Path | str, region: str = REGION, name: str = "stack", **parameters: str
) -> dict[str, str]:
    """Create a stack, and return its outputs. Fails with the stack's events if it could not be created."""
    cloudformation = account.client("cloudformation", region)
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=template if isinstance(template, str) else template.read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE", events(account, region, name)
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def events(account: Account, region: str = REGION, name: str = "stack") -> list[tuple[str, str, str]]:
    """What happened to a stack: logical id, status and reason, the oldest first."""
    found: list[dict[str, Any]] = account.client("cloudformation", region).describe_stack_events(StackName=name)[
        "StackEvents"
    ]
    return [
        (event["LogicalResourceId"], event["ResourceStatus"], event.get("ResourceStatusReason", ""))
        for event in reversed(found)
    ]


def resource(account: Account, logical_id: str, region: str = REGION, name: str = "stack") -> str:
    """The physical id of a stack's resource."""
    found = account.client("cloudformation", region).describe_stack_resources(
        StackName=name, LogicalResourceId=logical_id
    )
    physical_id: str = found["StackResources"][0]["PhysicalResourceId"]
    return physical_id
