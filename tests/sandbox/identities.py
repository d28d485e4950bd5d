"""Users and roles of an account, and clients with their keys."""

import json
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

from tests.integration.aws import Account


def written(*statements: Mapping[str, Any]) -> str:
    """A policy of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(*actions: str, resource: Any = "*", **members: Any) -> dict[str, Any]:
    """A statement that allows actions."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **members}


def deny(*actions: str, resource: Any = "*", **members: Any) -> dict[str, Any]:
    """A statement that denies actions."""
    return allow(*actions, resource=resource, **members) | {"Effect": "Deny"}


def trusting(principal: str, *actions: str, **members: Any) -> dict[str, Any]:
    """A statement that lets an account, user or role assume."""
    return {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": list(actions or ["sts:AssumeRole"]),
        **members,
    }


def client(aws: Account, service: str, keys: dict[str, str], region: str = "us-east-1") -> Any:
    """A client with keys that IAM or STS issued; it tries once."""
    return boto3.client(
        service,  # type: ignore[call-overload]  # the types know literal names only
        region_name=region,
        endpoint_url=aws.endpoint,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys.get("SessionToken"),
        config=Config(retries={"total_max_attempts": 1}),
    )


def user(aws: Account, *statements: dict[str, Any], name: str = "alice", **more: Any) -> dict[str, str]:
    """A user with an inline policy, if any; its keys."""
    iam = aws.client("iam")
    iam.create_user(UserName=name, **more)
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=written(*statements))
    keys: dict[str, str] = iam.create_access_key(UserName=name)["AccessKey"]
    return keys


def role(
    aws: Account, *statements: dict[str, Any], trust: dict[str, Any] | None = None, name: str = "auditor", **more: Any
) -> str:
    """A role, trusting its account unless told otherwise, with an inline policy if any; its ARN."""
    iam = aws.client("iam")
    document = written(trust or trusting(aws.number))
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, **more)["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=written(*statements))
    return arn


def assume(sts: Any, arn: str, **more: Any) -> dict[str, str]:
    """The keys of a new session."""
    keys: dict[str, str] = sts.assume_role(RoleArn=arn, RoleSessionName="tests", **more)["Credentials"]
    return keys
