"""Regions that are none: said on the Trail, asked nothing, and costing nothing."""

import pytest

from tests.statemachine.aws import ACCOUNT, REGIONS, Session
from tests.statemachine.stage import VirtualStage
from tests.statemachine.test_scenarios import ready

KEY = "team-a/alpha"


@pytest.mark.parametrize("where", ["region", "kmsKeyID"])
def test_regions_that_are_none_make_no_client(where: str, stage: VirtualStage, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    client = Session.client

    def noted(session: Session, service: str, region: str, endpoint_url: str | None) -> object:
        asked.append(region)
        return client(session, service, region, endpoint_url)

    monkeypatch.setattr(Session, "client", noted)
    spec = {"s3BucketName": "logs-one"}
    for number in range(2):
        made_up = f"xx-evil-{number}"
        more = {"region": made_up}
        if where == "kmsKeyID":
            more = {"region": REGIONS[0], "kmsKeyID": f"arn:aws:kms:{made_up}:{ACCOUNT}:alias/key"}
        if number:
            stage.replace_spec(KEY, spec | more)
        else:
            stage.create(KEY, spec | more)
        stage.wait(3.0)
        told = ready(stage)
        assert (told["status"], told["reason"]) == ("False", "InvalidSpec")
        assert f"{made_up} is not a region that this operator knows: correct spec.region" in told["message"]
    assert not any(region.startswith("xx-") for region in asked)
    stage.replace_spec(KEY, spec | {"region": REGIONS[0]})
    stage.wait(30.0)
    assert ready(stage)["status"] == "True"
    assert REGIONS[0] in asked
