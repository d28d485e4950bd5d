"""Tenants of one account: what one does by the hundred does not hold up another."""

from tests.statemachine.aws import REGIONS
from tests.statemachine.stage import VirtualStage

MANY, FEW = 600, "team-b/steady"
# A read of each kind and a write wait for one of the other tenant's each: some ten turns, of 0.1 and of 1 second.
A_FEW_ROUNDS = 8.0


def test_six_hundred_new_trails_of_one_tenant_do_not_hold_up_a_change_of_another() -> None:
    stage = VirtualStage(0)
    stage.aws.settings.quotas = False
    stage.server.create(FEW, {"s3BucketName": "logs-one", "region": REGIONS[0]})
    stage.wait(30.0)
    for number in range(MANY):
        stage.server.create(f"team-a/trail-{number}", {"s3BucketName": "logs-one", "region": REGIONS[0]})
    stage.wait(1.0)
    stage.server.replace_spec(
        FEW, {"s3BucketName": "logs-one", "region": REGIONS[0], "tags": [{"key": "new", "value": "tag"}]}
    )
    stage.wait(A_FEW_ROUNDS)
    trail = next(trail for trail in stage.aws.trails.all() if trail.arn.endswith(":trail/steady"))
    assert dict(trail.tags).get("new") == "tag"
    made = len(stage.aws.trails.all())
    assert made < MANY / 2, "the others still wait: else nothing is proved"
    stage.close()
