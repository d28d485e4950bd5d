"""Advice for a role that the operator may not assume: AWS does not say why, so the message lists all requirements."""

import json
from typing import Any

from trail_operator.api.aws_account import AWSAccountSpec
from trail_operator.api.reasons import Reason
from trail_operator.aws.service_account import is_path_known, principal
from trail_operator.domain.failure import Failure, FailureClass


def assume_role_denied(caller: str, spec: AWSAccountSpec) -> Failure:
    """The failure of a caller that may not assume the account's role, with the trust policy that the role needs."""
    role = principal(caller)
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": role},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }
    if spec.external_id:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": spec.external_id}}
    path = "" if is_path_known(caller) else " (with the role's path, if it has one: AWS does not tell the operator)"
    return Failure(
        FailureClass.AUTHORITY,
        Reason.ASSUME_ROLE_DENIED,
        f"AWS does not let {role} assume {spec.role_arn}. It does not tell which is wrong: the role is not there, its "
        f"trust policy does not name us, or externalID is another. The trust policy must have {json.dumps(statement)}"
        f"{path}, and {role} must be allowed sts:AssumeRole, with EKS Pod Identity also sts:TagSession, on the role",
    )
