"""Explains that a role cannot be assumed. AWS does not say why, so the message lists all requirements."""

import json
from typing import Any

from trail_operator.api.aws_account import AWSAccountSpec
from trail_operator.api.reasons import Reason
from trail_operator.aws.service_account import is_path_known, principal
from trail_operator.domain.failure import Failure, FailureClass


def assume_role_denied(caller: str, spec: AWSAccountSpec) -> Failure:
    """Return the failure, with the trust policy that the account's role needs. `caller`: the ARN of the identity."""
    role = principal(caller)
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": role},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }
    if spec.external_id:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": spec.external_id}}
    path = "" if is_path_known(caller) else " (with the role's path, if it has one: STS does not return it)"
    return Failure(
        FailureClass.AUTHORITY,
        Reason.ASSUME_ROLE_DENIED,
        f"AWS does not allow {role} to assume {spec.role_arn}, and does not say why: the role does not exist, its "
        f"trust policy does not allow this caller, or externalID differs. The trust policy must contain "
        f"{json.dumps(statement)}{path}, and {role} must be allowed sts:AssumeRole on the role, with EKS Pod Identity "
        f"also sts:TagSession",
    )
