"""The other partitions of AWS: ARNs of their own, regions of their own, and nothing reaches across."""

import json
from typing import Any

import pytest

from tests.integration.aws import Account
from tests.integration.partitions import PARTITIONS, Partition, Place
from tests.sandbox.conftest import Refused
from tests.sandbox.identities import client as client_with


@pytest.fixture(params=PARTITIONS, ids=[one.name for one in PARTITIONS])
def place(request: pytest.FixtureRequest, aws: Account) -> Place:
    """An account in another partition."""
    return Place(aws, request.param, "trail")


def whole(place: Place) -> dict[str, Any]:
    """All that a trail can depend on."""
    return {
        "S3BucketName": place.make_bucket(),
        "KmsKeyId": place.make_key(),
        "SnsTopicName": place.make_topic(),
        "CloudWatchLogsLogGroupArn": f"{place.make_log_group()}:*",
        "CloudWatchLogsRoleArn": place.make_role(),
    }


def test_everything_has_its_partition(place: Place) -> None:
    given = whole(place)
    for name in ("KmsKeyId", "SnsTopicName", "CloudWatchLogsRoleArn"):
        assert given[name].split(":")[1] == place.partition.name
    identity = place.client("sts").get_caller_identity()["Arn"]
    assert identity == place.arn("iam", "root", "")
    made = place.client("cloudtrail").create_trail(Name="trail", **given)
    assert made["TrailARN"] == place.arn("cloudtrail", "trail/trail")
    assert made["SnsTopicARN"] == given["SnsTopicName"]
    assert made["KmsKeyId"] == given["KmsKeyId"]


def test_a_trail_is_made_changed_and_deleted(place: Place, refused: Refused) -> None:
    cloudtrail, given = place.client("cloudtrail"), whole(place)
    arn = cloudtrail.create_trail(Name="trail", IsMultiRegionTrail=True, **given)["TrailARN"]
    cloudtrail.start_logging(Name=arn)
    cloudtrail.add_tags(ResourceId=arn, TagsList=[{"Key": "team", "Value": "audit"}])
    cloudtrail.update_trail(Name=arn, KmsKeyId="", SnsTopicName=place.topic, EnableLogFileValidation=True)
    described = cloudtrail.get_trail(Name="trail")["Trail"]
    assert "KmsKeyId" not in described
    assert described["SnsTopicARN"] == given["SnsTopicName"]
    abroad = place.account.client("cloudtrail", place.partition.main)
    assert [one["TrailARN"] for one in abroad.describe_trails()["trailList"]] == [arn]
    place.account.deliver()
    status = cloudtrail.get_trail_status(Name=arn)
    assert not [name for name in status if name.endswith("Error")]
    assert {"LatestDeliveryTime", "LatestNotificationTime", "LatestCloudWatchLogsDeliveryTime"} <= status.keys()
    cloudtrail.delete_trail(Name=arn)
    with refused("TrailNotFoundException"):
        cloudtrail.get_trail(Name=arn)


def test_trails_of_one_partition_are_not_in_another(place: Place, bucket: str) -> None:
    theirs = place.client("cloudtrail")
    theirs.create_trail(Name="trail", S3BucketName=place.make_bucket(), IsMultiRegionTrail=True)
    ours = place.account.cloudtrail
    ours.create_trail(Name="trail", S3BucketName=bucket, IsMultiRegionTrail=True)
    assert [one["HomeRegion"] for one in ours.list_trails()["Trails"]] == ["us-east-1"]
    assert [one["HomeRegion"] for one in ours.describe_trails()["trailList"]] == ["us-east-1"]
    assert [one["HomeRegion"] for one in theirs.list_trails()["Trails"]] == [place.partition.home]
    assert [one["HomeRegion"] for one in theirs.describe_trails()["trailList"]] == [place.partition.home]


def test_arns_of_another_partition_are_refused(place: Place, refused: Refused) -> None:
    cloudtrail, given = place.client("cloudtrail"), whole(place)

    def elsewhere(name: str) -> dict[str, Any]:
        return given | {name: given[name].replace(f"arn:{place.partition.name}:", "arn:aws:")}

    with refused("InvalidKmsKeyIdException"):
        cloudtrail.create_trail(Name="trail", **elsewhere("KmsKeyId"))
    with refused("InvalidSnsTopicNameException"):
        cloudtrail.create_trail(Name="trail", **elsewhere("SnsTopicName"))
    with refused("InvalidCloudWatchLogsLogGroupArnException"):
        cloudtrail.create_trail(Name="trail", **elsewhere("CloudWatchLogsLogGroupArn"))
    with refused("InvalidCloudWatchLogsRoleArnException"):
        cloudtrail.create_trail(Name="trail", **elsewhere("CloudWatchLogsRoleArn"))
    arn = cloudtrail.create_trail(Name="trail", **given)["TrailARN"]
    with refused("CloudTrailARNInvalidException"):
        cloudtrail.get_trail(Name=arn.replace(f"arn:{place.partition.name}:", "arn:aws:"))


def test_policies_are_about_arns_of_their_partition(place: Place, refused: Refused) -> None:
    name, s3 = place.make_bucket(), place.client("s3")
    document = s3.get_bucket_policy(Bucket=name)["Policy"]
    wrong = document.replace(f"arn:{place.partition.name}:s3", "arn:aws:s3")
    with refused("MalformedPolicy"):
        s3.put_bucket_policy(Bucket=name, Policy=wrong)
    s3.put_bucket_policy(Bucket=name, Policy=document.replace(f"arn:{place.partition.name}:cloud", "arn:aws:cloud"))
    with refused("InsufficientS3BucketPolicyException"):
        place.client("cloudtrail").create_trail(Name="trail", S3BucketName=name)


@pytest.mark.parametrize(
    ("partition", "number"), [(PARTITIONS[0], "886388586500"), (PARTITIONS[1], "681348832753")], ids=["gov", "cn"]
)
def test_the_regions_of_partitions_have_old_accounts_too(aws: Account, partition: Partition, number: str) -> None:
    place = Place(aws, partition, "trail")
    name, s3 = place.make_bucket(), place.client("s3")
    document = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
    for statement in document["Statement"]:
        statement["Principal"] = {"AWS": f"arn:{partition.name}:iam::{number}:root"}
        del statement["Condition"]
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(document))
    place.client("cloudtrail").create_trail(Name="trail", S3BucketName=name)


def test_a_bucket_of_another_partition_is_not_there(place: Place, bucket: str, refused: Refused) -> None:
    with refused("S3BucketDoesNotExistException"):
        place.client("cloudtrail").create_trail(Name="trail", S3BucketName=bucket)


def test_events_of_global_services_are_in_the_main_region(place: Place) -> None:
    main = Place(place.account, Partition(place.partition.name, place.partition.main, place.partition.main), "trail")
    cloudtrail = main.client("cloudtrail")
    cloudtrail.create_trail(Name="trail", S3BucketName=main.make_bucket())
    cloudtrail.start_logging(Name="trail")
    main.client("iam").create_user(UserName="somebody")
    place.account.client("iam").create_user(UserName="elsewhere")
    events = cloudtrail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateUser"}])
    (found,) = [json.loads(event["CloudTrailEvent"]) for event in events["Events"]]
    assert found["requestParameters"] == {"userName": "somebody"}
    assert found["awsRegion"] == place.partition.main
    assert found["userIdentity"]["arn"] == place.arn("iam", "root", "")
    main.account.deliver()
    files = main.client("s3").list_objects_v2(Bucket=main.bucket)["Contents"]
    assert all(f"/CloudTrail/{place.partition.main}/" in one["Key"] for one in files)


def test_whoever_is_named_in_a_partition_is_held_to_policies_there(place: Place, refused: Refused) -> None:
    iam, name = place.client("iam"), "reader"
    iam.create_user(UserName=name)
    statement = {
        "Effect": "Allow",
        "Action": ["cloudtrail:GetTrail", "sts:AssumeRole"],
        "Resource": [place.arn("cloudtrail", "trail/trail"), place.arn("iam", "role/worker", "")],
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="read", PolicyDocument=document)
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": place.arn("iam", "user/reader", "")}}
    trusting = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trusting)
    iam.put_role_policy(RoleName="worker", PolicyName="read", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    place.client("cloudtrail").create_trail(Name="trail", S3BucketName=place.make_bucket())

    region = place.partition.home
    user = {"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"]}
    cloudtrail = client_with(place.account, "cloudtrail", user, region)
    assert cloudtrail.get_trail(Name="trail")["Trail"]["Name"] == "trail"
    with refused("AccessDeniedException"):
        cloudtrail.list_trails()
    session = client_with(place.account, "sts", user, region).assume_role(
        RoleArn=place.arn("iam", "role/worker", ""), RoleSessionName="test"
    )["Credentials"]
    sts = client_with(place.account, "sts", session, region)
    assert sts.get_caller_identity()["Arn"] == place.arn("sts", "assumed-role/worker/test", "")
    assert client_with(place.account, "cloudtrail", session, region).get_trail(Name="trail")["Trail"]


@pytest.mark.parametrize("kind", ["basic", "advanced"])
def test_selectors_are_of_the_partition(place: Place, refused: Refused, kind: str) -> None:
    cloudtrail = place.client("cloudtrail")
    cloudtrail.create_trail(Name="trail", S3BucketName=place.make_bucket())

    def selectors(partition: str) -> dict[str, Any]:
        arn = f"arn:{partition}:s3:::{place.bucket}/"
        if kind == "basic":
            data = [{"Type": "AWS::S3::Object", "Values": [arn, f"arn:{partition}:s3"]}]
            return {"EventSelectors": [{"DataResources": data}]}
        fields = {"eventCategory": "Data", "resources.type": "AWS::S3::Object", "resources.ARN": arn}
        chosen = [{"Field": name, "Equals": [value]} for name, value in fields.items()]
        return {"AdvancedEventSelectors": [{"FieldSelectors": chosen}]}

    with refused("InvalidEventSelectorsException"):
        cloudtrail.put_event_selectors(TrailName="trail", **selectors("aws"))
    cloudtrail.put_event_selectors(TrailName="trail", **selectors(place.partition.name))


def test_data_events_name_resources_of_the_partition(place: Place) -> None:
    cloudtrail, s3 = place.client("cloudtrail"), place.client("s3")
    cloudtrail.create_trail(Name="trail", S3BucketName=place.make_bucket())
    data = [{"Type": "AWS::S3::Object", "Values": [f"arn:{place.partition.name}:s3:::{place.bucket}/mine"]}]
    selector = {"IncludeManagementEvents": False, "DataResources": data}
    cloudtrail.put_event_selectors(TrailName="trail", EventSelectors=[selector])
    cloudtrail.start_logging(Name="trail")
    s3.put_object(Bucket=place.bucket, Key="mine", Body=b"")
    place.account.deliver()
    (key,) = [one["Key"] for one in s3.list_objects_v2(Bucket=place.bucket, Prefix="AWSLogs/")["Contents"]]
    assert f"/{place.partition.home}/" in key
