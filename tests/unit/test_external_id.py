"""An ExternalId is a secret between two accounts: nobody is told it who can't read the AWSAccount that holds it."""

import asyncio
import json
import logging
from typing import Any, cast

import pytest

from tests.refusals import refused
from tests.unit.answering import answering, identity, refusal
from tests.unit.test_trail_controller import body
from tests.unit.test_wiring import Server, account, ready, run
from trail_operator.api.aws_account import AWSAccountSpec
from trail_operator.aws.errors import AWSError
from trail_operator.controllers import Controllers
from trail_operator.kube.client import KubeClient
from trail_operator.kube.events import EventRecorder
from trail_operator.kube.unreportable import Unreportable
from trail_operator.runtime.logs import logger
from trail_operator.trail.location import identity_failure
from trail_operator.trail.state import TrailState

SECRET = "shared/secret-7"
ROLE = "arn:aws:iam::111111111111:role/r"
QUOTED = f"1 validation error detected: Value '{SECRET}' at 'externalId' failed to satisfy constraint"


class Told(Server):
    """Also what is written as Events."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[str] = []

    async def write_event(self, *event: object) -> str:
        self.events.append(repr(event[1:]))  # without the AWSAccount that it is about
        return ""


@pytest.mark.parametrize(
    ("code", "message", "reason", "quotes"),
    [("AccessDenied", "no", "AssumeRoleDenied", True), ("ValidationError", QUOTED, "InvalidSpec", False)],
)
def test_only_the_condition_of_the_account_may_quote_it(
    code: str,
    message: str,
    reason: str,
    quotes: bool,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG, logger.name)
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{name}", "key")

    def sts(_: str, request: str) -> tuple[int, str]:
        is_own = "GetCallerIdentity" in request
        return (200, identity("222222222222")) if is_own else (400, refusal(code, message))

    server = Told()

    async def scenario(controllers: Controllers) -> None:
        allowed = {"names": ["default"]}
        more: dict[str, Any] = {
            "roleARN": ROLE,
            "externalID": SECRET,
            "endpointURL": endpoint,
            "allowedNamespaces": allowed,
        }
        server.body = account("1", "111111111111", **more)
        controllers.accounts.on_update(server.body)
        told = await server.status.get()
        assert ready(told)[1] == reason
        assert (SECRET in json.dumps(told)) == quotes
        assert ("<externalID>" in json.dumps(told)) != quotes

        trail = TrailState(body("audit", accountRef={"name": "team"}), 0.0)
        client = controllers.accounts.registry.client_for(trail)
        with pytest.raises(AWSError) as refused:
            await client.aws.identity("us-east-1")
        for failure in (identity_failure(refused.value, "team"), refused.value.failure):
            assert SECRET not in failure.message
        assert SECRET not in "".join(server.events)

    with answering(sts) as port:
        endpoint = f"http://127.0.0.1:{port}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        run(scenario, server)
    assert reason in caplog.text
    assert "<externalID>" in caplog.text
    assert SECRET not in caplog.text


def test_what_can_not_be_read_is_not_quoted() -> None:
    odd: dict[str, Any] = {"accountID": "1", "roleARN": 7, "externalID": ["shared-secret"], "region": {"a": SECRET}}
    with pytest.raises(ValueError, match="roleARN") as error:
        AWSAccountSpec.model_validate(odd)
    assert "secret" not in str(error.value)


def test_a_refusal_of_the_api_server_is_told_without_it(caplog: pytest.LogCaptureFixture) -> None:
    """It quotes an external id that was stored before its rule, whatever it is that is to be written."""
    caplog.set_level(logging.DEBUG, logger.name)
    server, old = Told(), "old secret"
    told = f'AWSAccount "team" is invalid: spec.externalID: Invalid value: "{old}": must have at least two characters'
    unreportable = Unreportable(EventRecorder(cast(KubeClient, server), lambda: 0.0), lambda: 0.0)
    error = refused(422, "Invalid", told)

    async def scenario() -> None:
        found = account("1", "111111111111", externalID=old)
        doubted = await unreportable.report(found, (), error, None)
        assert (await unreportable.report(found, (), error, doubted)).reported

    asyncio.run(scenario())
    assert "spec.externalID" in caplog.text
    assert old not in caplog.text
    assert old not in "".join(server.events)
