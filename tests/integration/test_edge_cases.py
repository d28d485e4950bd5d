"""Edge cases, each brought about in AWS and not by a fault. docs/architecture.md says where the others are proved."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.aws import REGION, Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Trails, trail
from tests.integration.process import Operator
from tests.integration.whole import World
from tests.patience import eventually, resync
from tests.sandbox.conftest import put_settings, started
from tests.sandbox.identities import allow, assume, role, user
from tests.sandbox.organizations import Organization

NAME = "edge"

Settings = Callable[..., None]


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[tuple[str, Settings]]:
    """An AWS of the test's own, whose settings may be changed: its URL, and how."""
    with started(tmp_path / "aws.log") as (url, _):
        yield url, lambda **given: put_settings(url, **given)


@pytest.fixture
def own(settings: tuple[str, Settings], account: Account) -> Account:
    """The account, in an AWS of its own."""
    return Account(settings[0], account.number)


def bucket_of(account: Account, prefix: str = "") -> str:
    return account.bucket(f"logs-{account.number}", NAME, prefix)


def count(account: Account, operation: str, error: str | None = None) -> int:
    return sum(call["operation"] == operation and (error is None or call["error"] == error) for call in account.calls())


# -- who has the trail


def test_the_loser_of_a_name_goes_without_a_trace(operator: Operator, account: Account, trails: Trails) -> None:
    bucket = bucket_of(account)
    trails.create(trail(NAME, bucket))
    trails.wait_ready(NAME)
    trails.create(trail("loser", bucket, name=NAME))
    trails.wait_reason("loser", "Conflict")
    mark = len(account.writes())
    trails.delete("loser")
    trails.wait_gone("loser")
    assert account.writes()[mark:] == []
    assert account.trails() == [account.trail_arn(NAME)]
    assert trails.condition(NAME)["status"] == "True"


# -- what it depends on


def test_a_role_that_was_just_made_is_waited_for(
    operator_process: OperatorFactory, own: Account, settings: tuple[str, Settings], trails: Trails
) -> None:
    """AWS: "Access denied. Check the trust relationships for your role.", though it is right as everybody reads it."""
    settings[1](iam_propagation=600)
    operator_process(AWS_ENDPOINT_URL=own.endpoint)
    bucket, group = bucket_of(own), own.log_group("new")
    trails.create(trail(NAME, bucket, cloudWatchLogsLogGroupARN=group, cloudWatchLogsRoleARN=own.role("new", group)))
    message = trails.wait_reason(NAME, "RoleNotTrusted")["message"]
    assert "Access denied. Check the trust relationships for your role." in message
    assert "a change that has not reached CloudTrail yet" in message
    settings[1](iam_propagation=0)  # it has arrived
    trails.wait_ready(NAME, 60)


def test_a_prefix_that_the_bucket_does_not_let_in_leaves_the_old_delivery_alone(
    operator: Operator, account: Account, trails: Trails
) -> None:
    bucket = bucket_of(account)
    trails.create(trail(NAME, bucket))
    trails.wait_ready(NAME)
    trails.change(NAME, s3KeyPrefix="new")
    message = trails.wait_reason(NAME, "BucketPolicyDenies")["message"]
    assert f"arn:aws:s3:::{bucket}/new/AWSLogs/{account.number}/*" in message
    found = account.trail(NAME)
    assert found is not None
    assert "S3KeyPrefix" not in found
    assert found["IsLogging"] is True
    account.client("iam").create_user(UserName="somebody")
    account.deliver()
    assert "LatestDeliveryError" not in account.cloudtrail.get_trail_status(Name=NAME)
    # The policy lets both in, while the trail goes from one to the other.
    account.bucket_policy(bucket, NAME, "*")
    trails.wait_ready(NAME, 60)
    found = account.trail(NAME)
    assert found is not None
    assert found["S3KeyPrefix"] == "new"


def test_the_policy_of_another_accounts_bucket_is_not_guessed(
    operator: Operator, account: Account, trails: Trails, number: str
) -> None:
    """It can't be read: all that is required is printed, and called unverified."""
    archive = Account(account.endpoint, f"9{number[1:]}")
    bucket = f"archive-{account.number}"
    archive.client("s3").create_bucket(Bucket=bucket)
    trails.create(trail(NAME, bucket))
    message = trails.wait_reason(NAME, "BucketPolicyDenies")["message"]
    assert f"the bucket is not in account {account.number}" in message
    assert "Check s3BucketName" in message
    policy = message[message.index('{"Version"') :]
    archive.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
    trails.wait_ready(NAME, 60)


def test_the_topic_of_a_closed_account(operator: Operator, account: Account, trails: Trails) -> None:
    organization = Organization(account)
    member = organization.member()
    topic = member.topic("closed", NAME)
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "cloudtrail.amazonaws.com"},
                "Action": "SNS:Publish",
                "Resource": topic,
                "Condition": {"StringEquals": {"aws:SourceArn": account.trail_arn(NAME)}},
            }
        ],
    }
    member.client("sns").set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(document)
    )
    organization.client.close_account(AccountId=member.number)
    trails.create(trail(NAME, bucket_of(account), snsTopicName=topic))
    message = trails.wait_reason(NAME, "TopicPolicyDenies")["message"]
    assert "CloudTrailInvalidClientTokenIdException" in message
    trails.change(NAME, snsTopicName=None)
    trails.wait_ready(NAME)


def test_a_key_that_cannot_encrypt_what_cloudtrail_writes(operator: Operator, account: Account, trails: Trails) -> None:
    kms = account.client("kms")
    key = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["Arn"]
    account.key_policy(key, NAME)
    trails.create(trail(NAME, bucket_of(account), kmsKeyID=key))
    message = trails.wait_reason(NAME, "KeyNotUsable")["message"]
    assert "KeySpec RSA_2048" in message
    assert "SYMMETRIC_DEFAULT" in message
    trails.change(NAME, kmsKeyID=account.key(NAME))
    trails.wait_ready(NAME)


# -- what the spec asks for


def test_multi_region_and_global_events_go_together(operator: Operator, account: Account, trails: Trails) -> None:
    bucket = bucket_of(account)
    trails.create(trail(NAME, bucket))
    trails.wait_ready(NAME)
    for is_multi in (False, True):
        trails.change(NAME, isMultiRegionTrail=is_multi, includeGlobalServiceEvents=True)
        trails.wait_ready(NAME)
        sent = account.writes()[-1]
        assert sent["operation"] == "UpdateTrail"
        both = {key: sent["parameters"][key] for key in ("IsMultiRegionTrail", "IncludeGlobalServiceEvents")}
        assert both == {"IsMultiRegionTrail": is_multi, "IncludeGlobalServiceEvents": True}


def test_a_type_of_resource_that_nobody_knows_is_passed_on_and_refused_in_awss_words(
    operator: Operator, account: Account, trails: Trails
) -> None:
    selector = {
        "fieldSelectors": [
            {"field": "eventCategory", "equals": ["Data"]},
            {"field": "resources.type", "equals": ["AWS::Weather::Forecast"]},
        ]
    }
    trails.create(trail(NAME, bucket_of(account), advancedEventSelectors=[selector]))
    message = trails.wait_reason(NAME, "InvalidSpec")["message"]
    assert "InvalidEventSelectorsException" in message
    with pytest.raises(ClientError) as refused:
        account.cloudtrail.put_event_selectors(
            TrailName=NAME,
            AdvancedEventSelectors=[
                {
                    "FieldSelectors": [
                        {"Field": "eventCategory", "Equals": ["Data"]},
                        {"Field": "resources.type", "Equals": ["AWS::Weather::Forecast"]},
                    ]
                }
            ],
        )
    assert refused.value.response["Error"]["Message"] in message
    assert trails.condition(NAME, "Stalled")["status"] == "True"


def test_more_tags_than_a_trail_can_have(operator_process: OperatorFactory, account: Account, trails: Trails) -> None:
    """Admission holds the spec to 49; tags that others put on and that are ignored take their room."""
    operator_process("--ignore-tags", "theirs-*")
    trails.create(trail(NAME, bucket_of(account)))
    trails.wait_ready(NAME)
    arn = account.trail_arn(NAME)
    account.cloudtrail.add_tags(ResourceId=arn, TagsList=[{"Key": "theirs-1", "Value": "x"}])
    trails.change(NAME, tags=[{"key": f"k{number}", "value": "v"} for number in range(49)])
    assert "TagsLimitExceededException" in trails.wait_reason(NAME, "InvalidSpec")["message"]
    trails.change(NAME, tags=[{"key": f"k{number}", "value": "v"} for number in range(48)])
    trails.wait_ready(NAME)


@pytest.mark.parametrize("feature", ["log delivery", "insights"])
def test_what_a_region_does_not_offer(
    operator_process: OperatorFactory, own: Account, settings: tuple[str, Settings], trails: Trails, feature: str
) -> None:
    operator_process(AWS_ENDPOINT_URL=own.endpoint)
    bucket = bucket_of(own)
    group = own.log_group("group")
    spec: dict[str, dict[str, Any]] = {
        "log delivery": {"cloudWatchLogsLogGroupARN": group, "cloudWatchLogsRoleARN": own.role("role", group)},
        "insights": {"insightSelectors": [{"insightType": "ApiCallRateInsight"}]},
    }
    settings[1](regions_without_log_delivery=[REGION], regions_without_insights=[REGION])
    trails.create(trail(NAME, bucket, **spec[feature]))
    error = {"log delivery": "CloudWatchLogsDeliveryUnavailableException", "insights": "UnsupportedOperationException"}
    assert error[feature] in trails.wait_reason(NAME, "InvalidSpec")["message"]
    assert trails.condition(NAME, "Stalled")["status"] == "True"
    trails.change(NAME, **dict.fromkeys(spec[feature]))
    trails.wait_ready(NAME)


# -- an AWS that is slow or busy


def test_a_trail_that_cannot_be_changed_yet(
    operator_process: OperatorFactory, own: Account, settings: tuple[str, Settings], trails: Trails
) -> None:
    settings[1](trail_loading=4)
    operator_process(AWS_ENDPOINT_URL=own.endpoint)
    trails.create(trail(NAME, bucket_of(own)))
    assert "ConflictException" in trails.wait_reason(NAME, "Progressing")["message"]
    trails.wait_ready(NAME, 60)
    assert count(own, "CreateTrail") == 1
    assert 1 <= count(own, "StartLogging", "ConflictException") <= 3


def test_another_caller_who_uses_up_the_rates(
    operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    keys = user(account, allow("*"), name="operator")
    identity = {"AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"]}
    # After three resyncs without an answer Ready may rightly be Unknown: a resync is longer than a bout of calls.
    operator_process("--resync", resync(5), **identity)
    trails.create(trail(NAME, bucket_of(account)))
    trails.wait_ready(NAME)
    body = trails.wait_evaluated(NAME)
    cloudtrail = account.cloudtrail  # it tries again when it is throttled

    def throttled() -> int:
        """How often the operator is, while others make all the calls that AWS takes."""
        with ThreadPoolExecutor(8) as pool:
            for _ in range(40):
                pool.submit(cloudtrail.get_trail_status, Name=NAME)
        mine = [call for call in account.calls() if call["caller"].endswith("user/operator")]
        return sum(call["error"] == "ThrottlingException" for call in mine)

    eventually("the operator is throttled", throttled, 60)
    after = trails.get(NAME)
    assert after is not None
    assert after["status"] == body["status"]
    seen = count(account, "GetTrailStatus")
    eventually("reads go on", lambda: count(account, "GetTrailStatus") > seen)


@pytest.mark.waits
def test_a_session_that_has_ended(
    operator_process: OperatorFactory, own: Account, settings: tuple[str, Settings], trails: Trails
) -> None:
    keys = assume(own.client("sts"), role(own, allow("*"), name="operator"))
    bucket = bucket_of(own)
    running = operator_process(
        AWS_ENDPOINT_URL=own.endpoint,
        AWS_ACCESS_KEY_ID=keys["AccessKeyId"],
        AWS_SECRET_ACCESS_KEY=keys["SecretAccessKey"],
        AWS_SESSION_TOKEN=keys["SessionToken"],
    )
    trails.create(trail(NAME, bucket))
    trails.wait_ready(NAME)
    own.end_sessions()
    condition = trails.wait_reason(NAME, "CredentialsUnavailable")
    assert "ExpiredToken" in condition["message"]
    assert keys["SessionToken"] not in condition["message"]
    running.stop()
    operator_process(AWS_ENDPOINT_URL=own.endpoint)
    trails.wait_ready(NAME)
    assert count(own, "CreateTrail") == 1


# -- delivery


def deliver(account: Account, trails: Trails, name: str) -> None:
    """A round of deliveries with something to deliver, and a look at what came of it."""
    account.client("iam").list_users()
    account.deliver()
    trails.annotate(name, {"trail-operator.dev/reconcile-at": str(len(account.calls()))})


def failing(trails: Trails) -> dict[str, str]:
    status = (trails.get("whole") or {})["status"]
    return {entry["destination"]: entry["error"] for entry in status.get("delivery", [])}


def test_each_destination_breaks_and_heals_by_itself(
    operator: Operator, account: Account, trails: Trails, world: World
) -> None:
    names = ("snsTopicName", "cloudWatchLogsLogGroupARN", "cloudWatchLogsRoleARN")
    spec = {**world.minimal, **{name: world.basic[name] for name in names}}
    trails.create({**trail("whole", "-"), "spec": spec})
    trails.wait_ready("whole")
    deliver(account, trails, "whole")

    account.topic_policy(spec["snsTopicName"], "another")
    deliver(account, trails, "whole")
    eventually("the topic", lambda: set(failing(trails)) == {"SNS"}, 60)
    assert trails.condition("whole")["reason"] == "DeliveryFailing"
    assert "SNS:Publish" in trails.condition("whole")["message"]

    account.client("iam").delete_role_policy(RoleName="one", PolicyName="logs")
    deliver(account, trails, "whole")
    eventually("the log group too", lambda: set(failing(trails)) == {"SNS", "CloudWatchLogs"}, 60)
    since = {entry["destination"]: entry["since"] for entry in (trails.get("whole") or {})["status"]["delivery"]}

    account.topic_policy(spec["snsTopicName"], "whole")
    deliver(account, trails, "whole")
    eventually("the topic heals", lambda: set(failing(trails)) == {"CloudWatchLogs"}, 60)
    (left,) = (trails.get("whole") or {})["status"]["delivery"]
    assert left["since"] == since["CloudWatchLogs"]

    account.role_permissions("one", spec["cloudWatchLogsLogGroupARN"])
    deliver(account, trails, "whole")
    trails.wait_ready("whole", 90)
    assert failing(trails) == {}


def test_a_trail_that_is_not_to_log_fails_no_delivery(operator: Operator, account: Account, trails: Trails) -> None:
    trails.create(trail(NAME, bucket_of(account)))
    trails.wait_ready(NAME)
    deliver(account, trails, NAME)
    trails.change(NAME, isLogging=False)
    ready = trails.wait_reason(NAME, "LoggingOff")
    assert ready["status"] == "True"
    delivering = trails.condition(NAME, "Delivering")
    assert (delivering["status"], delivering["reason"]) == ("False", "LoggingOff")
    assert "delivery" not in (trails.get(NAME) or {})["status"]
