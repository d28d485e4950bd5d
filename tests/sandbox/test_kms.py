"""Keys as KMS has them: the ids of multi-region keys, and the keys that AWS manages in an account."""

import json
import re
from typing import Any

import pytest

from tests.integration.aws import Account
from tests.sandbox.conftest import Refused

# https://docs.aws.amazon.com/kms/latest/developerguide/mrk-how-it-works.html
MULTI_REGION_ID = re.compile(r"\Amrk-[0-9a-f]{32}\Z")


def described(aws: Account, key: str, region: str = "us-east-1") -> dict[str, Any]:
    metadata: dict[str, Any] = aws.client("kms", region).describe_key(KeyId=key)["KeyMetadata"]
    return metadata


@pytest.fixture
def multi_region(aws: Account) -> dict[str, Any]:
    """A multi-region key that the trail `trail` may encrypt with."""
    made: dict[str, Any] = aws.client("kms").create_key(MultiRegion=True)["KeyMetadata"]
    aws.key_policy(made["Arn"], "trail")
    return made


def test_the_id_of_a_multi_region_key(aws: Account, multi_region: dict[str, Any]) -> None:
    assert MULTI_REGION_ID.match(multi_region["KeyId"])
    assert multi_region["Arn"].endswith(f":key/{multi_region['KeyId']}")
    for spelling in (multi_region["KeyId"], multi_region["Arn"]):
        assert described(aws, spelling)["Arn"] == multi_region["Arn"]


@pytest.mark.parametrize("spelling", ["KeyId", "Arn"])
def test_a_trail_encrypts_with_a_multi_region_key(
    aws: Account, bucket: str, multi_region: dict[str, Any], spelling: str
) -> None:
    made = aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket, KmsKeyId=multi_region[spelling])
    assert made["KmsKeyId"] == multi_region["Arn"]


def test_a_replica_has_the_id_of_its_primary(aws: Account, multi_region: dict[str, Any]) -> None:
    aws.client("kms").replicate_key(KeyId=multi_region["KeyId"], ReplicaRegion="eu-west-1")
    replica = described(aws, multi_region["KeyId"], "eu-west-1")
    assert replica["Arn"] == multi_region["Arn"].replace("us-east-1", "eu-west-1")
    assert replica["MultiRegionConfiguration"]["MultiRegionKeyType"] == "REPLICA"
    assert described(aws, multi_region["KeyId"])["MultiRegionConfiguration"]["MultiRegionKeyType"] == "PRIMARY"


MANAGED = ["alias/aws/sns", "alias/aws/s3"]


@pytest.mark.parametrize("alias", MANAGED)
def test_a_key_that_aws_manages(aws: Account, alias: str) -> None:
    metadata = described(aws, alias)
    assert (metadata["KeyManager"], metadata["KeySpec"]) == ("AWS", "SYMMETRIC_DEFAULT")
    assert described(aws, alias)["Arn"] == metadata["Arn"]
    assert described(aws, aws.client("kms").create_key()["KeyMetadata"]["Arn"])["KeyManager"] == "CUSTOMER"


@pytest.mark.parametrize("alias", MANAGED)
def test_its_policy_lets_the_account_use_it_through_its_service_alone(aws: Account, alias: str) -> None:
    service = alias.rpartition("/")[2]
    arn = described(aws, alias)["Arn"]
    policy = json.loads(aws.client("kms").get_key_policy(KeyId=arn, PolicyName="default")["Policy"])
    use, administration = policy["Statement"]
    assert use["Condition"]["StringEquals"] == {
        "kms:ViaService": f"{service}.us-east-1.amazonaws.com",
        "kms:CallerAccount": aws.number,
    }
    assert administration["Principal"] == {"AWS": f"arn:aws:iam::{aws.number}:root"}
    assert "kms:PutKeyPolicy" not in administration["Action"]


def test_nobody_changes_a_key_that_aws_manages(aws: Account, refused: Refused) -> None:
    kms = aws.client("kms")
    arn = described(aws, "alias/aws/sns")["Arn"]
    policy = kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"]
    with refused("AccessDeniedException"):
        kms.put_key_policy(KeyId=arn, PolicyName="default", Policy=policy)
    with refused("AccessDeniedException"):
        kms.disable_key(KeyId=arn)
    with refused("AccessDeniedException"):
        kms.schedule_key_deletion(KeyId=arn)
    with refused("AccessDeniedException"):
        kms.enable_key_rotation(KeyId=arn)
    assert described(aws, arn)["KeyState"] == "Enabled"


def test_a_trail_cannot_encrypt_with_a_key_that_aws_manages(aws: Account, bucket: str, refused: Refused) -> None:
    with refused("InsufficientEncryptionPolicyException"):
        aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket, KmsKeyId="alias/aws/s3")


@pytest.mark.parametrize("spec", ["HMAC_256", "RSA_2048", "ECC_NIST_P256"])
def test_a_trail_cannot_encrypt_with_a_key_of_another_spec(
    aws: Account, bucket: str, refused: Refused, spec: str
) -> None:
    usage = {"HMAC_256": "GENERATE_VERIFY_MAC", "RSA_2048": "ENCRYPT_DECRYPT"}.get(spec, "SIGN_VERIFY")
    key = aws.client("kms").create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]
    assert key["KeySpec"] == spec
    aws.key_policy(key["Arn"], "trail")
    with refused("KmsException"):
        aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket, KmsKeyId=key["Arn"])
