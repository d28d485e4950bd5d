"""The trust policy that an AWSAccount asks for names the operator's role as IAM takes it: with its path."""

import json

import pytest

from trail_operator.account.trust_policy import assume_role_denied
from trail_operator.api.aws_account import AWSAccountSpec
from trail_operator.aws.service_account import principal

SESSION = "arn:aws:sts::111111111111:assumed-role/trail-operator/session"
BARE, WITH_PATH = (f"arn:aws:iam::111111111111:role/{path}trail-operator" for path in ("", "eks/prod/"))
USER = "arn:aws:iam::111111111111:user/eks/operator"
SPEC = AWSAccountSpec.model_validate(
    {"accountID": "222222222222", "roleARN": "arn:aws:iam::222222222222:role/trails", "externalID": "id-1"}
)


@pytest.mark.parametrize(
    ("caller", "variable", "named", "may_have_a_path"),
    [
        (SESSION, WITH_PATH, WITH_PATH, False),
        (SESSION, BARE, BARE, False),
        (SESSION, None, BARE, True),
        # Another role's: the variable is not what the operator has come by.
        (SESSION, "arn:aws:iam::111111111111:role/eks/other-trail-operator", BARE, True),
        (SESSION, "arn:aws:iam::333333333333:role/eks/trail-operator", BARE, True),
        (USER, WITH_PATH, USER, False),
    ],
)
def test_a_role_is_named_with_its_path_where_that_is_known(
    monkeypatch: pytest.MonkeyPatch, caller: str, variable: str | None, named: str, *, may_have_a_path: bool
) -> None:
    monkeypatch.delenv("AWS_ROLE_ARN", raising=False)
    if variable:
        monkeypatch.setenv("AWS_ROLE_ARN", variable)
    assert principal(caller) == named
    message = assume_role_denied(caller, SPEC).message
    statement, end = json.JSONDecoder().raw_decode(message, message.index("{"))
    assert statement["Principal"] == {"AWS": named}
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "id-1"}}
    assert message[end:].startswith(" (with the role's path, if it has one") is may_have_a_path
