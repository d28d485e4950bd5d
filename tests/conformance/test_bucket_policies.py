"""Which bucket policies let CloudTrail in, and which do not: those that are met in the wild."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.account import Account
from tests.conformance.documents import CLOUDTRAIL, Policy, Statement, allow, bucket_policy
from tests.conformance.facts import GUIDE, IAM, case, fact, refused, unverified

PRESCRIBED = f"{GUIDE}/create-s3-bucket-policy-for-cloudtrail.html"
KEYS = f"{IAM}/UserGuide/reference_policies_condition-keys.html"
OPERATORS = f"{IAM}/UserGuide/reference_policies_elements_condition_operators.html"
LOGIC = f"{IAM}/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html"
ELEMENTS = f"{IAM}/UserGuide/reference_policies_elements"
MULTIVALUED = f"{IAM}/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html"

Change = Callable[[Policy], object]


def acl(policy: Policy) -> Statement:
    """The statement on the bucket itself."""
    statement: Statement = policy["Statement"][0]
    return statement


def write(policy: Policy) -> Statement:
    """The statement on its objects."""
    statement: Statement = policy["Statement"][1]
    return statement


def conditions(**members: Any) -> Change:
    """Put other conditions in the place of the trail's ARN."""

    def change(policy: Policy) -> None:
        acl(policy)["Condition"] = members
        write(policy)["Condition"] = members

    return change


def deny(**members: Any) -> Change:
    """Deny everybody to write to the bucket, or whatever the members say instead."""

    def change(policy: Policy) -> None:
        objects = f"{acl(policy)['Resource']}/*"
        statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": objects} | members
        policy["Statement"].append({name: value for name, value in statement.items() if value is not None})

    return change


def source(policy: Policy, statement: Statement, **changed: str) -> None:
    """Change parts of the trail's ARN in a statement."""
    arn = statement["Condition"]["StringEquals"]["aws:SourceArn"]
    for old, new in changed.items():
        arn = arn.replace(arn.split(":")[{"region": 3, "account": 4, "name": 5}[old]], new)
    statement["Condition"]["StringEquals"]["aws:SourceArn"] = arn


@pytest.mark.parametrize(
    "change",
    [
        case("that does not allow GetBucketAcl", PRESCRIBED, lambda p: p["Statement"].pop(0)),
        case("that does not allow PutObject", PRESCRIBED, lambda p: p["Statement"].pop(1)),
        case(
            "for another prefix",
            PRESCRIBED,
            lambda p: write(p).update(Resource=write(p)["Resource"].replace("/AWSLogs", "/other/AWSLogs")),
        ),
        case(
            "for another account's logs",
            PRESCRIBED,
            lambda p: write(p).update(Resource=write(p)["Resource"].replace("AWSLogs/", "AWSLogs/1")),
        ),
        case("for another trail", PRESCRIBED, lambda p: source(p, write(p), name="trail/another")),
        case(
            "for the trail of that name in another region", PRESCRIBED, lambda p: source(p, acl(p), region="us-east-1")
        ),
        case("for another account's trail", PRESCRIBED, lambda p: source(p, write(p), account="111122223333")),
        case(
            "for another source account",
            f"{KEYS}#condition-keys-sourceaccount",
            conditions(StringEquals={"aws:SourceAccount": "111122223333"}),
        ),
        case(
            "for an organization that the account is not in",
            f"{KEYS}#condition-keys-sourceorgid",
            conditions(StringEquals={"aws:SourceOrgID": "o-0000000000"}),
        ),
        case(
            "that asks for another ACL",
            PRESCRIBED,
            lambda p: write(p)["Condition"]["StringEquals"].update({"s3:x-amz-acl": "private"}),
        ),
        case(
            "for another service",
            PRESCRIBED,
            lambda p: write(p).update(Principal={"Service": "config.amazonaws.com"}),
        ),
        case(
            "for the account that CloudTrail had in another region, as once prescribed",
            PRESCRIBED,
            lambda p: acl(p).update(Principal={"AWS": "arn:aws:iam::086441151436:root"}),
        ),
        case("that also denies it to everybody", LOGIC, deny()),
        case("that also denies it to CloudTrail", LOGIC, deny(Principal=CLOUDTRAIL)),
        case(
            "that denies what is not encrypted with a KMS key",
            OPERATORS,
            deny(Condition={"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}),
        ),
        case(
            "that denies it to other source accounts than one",
            OPERATORS,
            deny(Condition={"StringNotEquals": {"aws:SourceAccount": "111122223333"}}),
        ),
        case(
            "that denies it to services",
            f"{KEYS}#condition-keys-principalisawsservice",
            deny(Condition={"Bool": {"aws:PrincipalIsAWSService": "true"}}),
        ),
        case(
            "that denies everything but reading and deleting",
            f"{ELEMENTS}_notaction.html",
            deny(Action=None, NotAction=["s3:Get*", "s3:*Policy", "s3:Delete*", "s3:List*"]),
        ),
        case(
            "whose condition is on a key that is not there",
            OPERATORS,
            conditions(StringEquals={"aws:PrincipalOrgID": "o-0000000000"}),
        ),
        case(
            "with two conditions of which one does not hold",
            MULTIVALUED,
            conditions(
                ArnLike={"aws:SourceArn": "arn:aws:cloudtrail:*:*:trail/*"},
                StringEquals={"aws:SourceAccount": "111122223333"},
            ),
        ),
    ],
)
def test_a_policy_does_not_let_cloudtrail_in(aws: Account, change: Change) -> None:
    name = aws.name("trail")
    bucket = aws.empty_bucket()
    policy = bucket_policy(bucket, aws.trail_arn(name))
    change(policy)
    aws.put_bucket_policy(bucket, policy)
    with refused("InsufficientS3BucketPolicyException", f"Incorrect S3 bucket policy is detected for bucket: {bucket}"):
        aws.cloudtrail.create_trail(Name=name, S3BucketName=bucket)


@fact("https://github.com/hashicorp/terraform/issues/6388")
def test_a_bucket_without_a_policy_does_not_let_cloudtrail_in(aws: Account) -> None:
    bucket = aws.empty_bucket()
    with refused("InsufficientS3BucketPolicyException", f"Incorrect S3 bucket policy is detected for bucket: {bucket}"):
        aws.cloudtrail.create_trail(Name=aws.name("trail"), S3BucketName=bucket)


@pytest.mark.parametrize(
    "change",
    [
        case("as prescribed", PRESCRIBED, lambda p: None),
        case(
            "as once prescribed, without the trail's ARN",
            "https://github.com/hashicorp/terraform/issues/6388",
            lambda p: [
                acl(p).pop("Condition"),
                write(p).update(Condition={"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}),
            ],
        ),
        case("without conditions", LOGIC, lambda p: [acl(p).pop("Condition"), write(p).pop("Condition")]),
        case(
            "for any trail, by ArnLike",
            OPERATORS,
            conditions(ArnLike={"aws:SourceArn": "arn:aws:cloudtrail:*:*:trail/*"}),
        ),
        case(
            "for any trail, by ArnEquals, which knows wildcards too",
            OPERATORS,
            conditions(ArnEquals={"aws:SourceArn": "arn:aws:cloudtrail:*:*:trail/*"}),
        ),
        case(
            "for any trail, by StringLike",
            OPERATORS,
            conditions(StringLike={"aws:SourceArn": "arn:aws:cloudtrail:*:trail/*"}),
        ),
        case(
            "for several trails",
            PRESCRIBED,
            conditions(
                ArnLike={"aws:SourceArn": ["arn:aws:cloudtrail:*:111122223333:*", "arn:aws:cloudtrail:*:*:trail/*"]}
            ),
        ),
        case(
            "that asks for a key only if it is there",
            OPERATORS,
            conditions(StringEqualsIfExists={"aws:PrincipalOrgID": "o-0000000000"}),
        ),
        case("for the whole bucket", PRESCRIBED, lambda p: write(p).update(Resource=f"{acl(p)['Resource']}/*")),
        case(
            "for all actions",
            f"{ELEMENTS}_action.html",
            lambda p: [write(p).update(Action="s3:*"), acl(p).update(Action=["s3:Get*"])],
        ),
        case(
            "whose actions are spelt otherwise, for case does not matter",
            f"{ELEMENTS}_action.html",
            lambda p: [write(p).update(Action="S3:putobject"), acl(p).update(Action="s3:GETBUCKETACL")],
        ),
        case(
            "in one statement",
            f"{ELEMENTS}_resource.html",
            lambda p: p.update(
                Statement=allow(
                    CLOUDTRAIL, ["s3:GetBucketAcl", "s3:PutObject"], [acl(p)["Resource"], f"{acl(p)['Resource']}/*"]
                )
            ),
        ),
        case(
            "for several services",
            f"{ELEMENTS}_principal.html",
            lambda p: [
                statement.update(Principal={"Service": ["config.amazonaws.com", "cloudtrail.amazonaws.com"]})
                for statement in p["Statement"]
            ],
        ),
        case(
            "that denies plain HTTP",
            f"{KEYS}#condition-keys-securetransport",
            deny(Condition={"Bool": {"aws:SecureTransport": "false"}}),
        ),
        case(
            "that denies it to all but services",
            f"{KEYS}#condition-keys-principalisawsservice",
            deny(Condition={"Bool": {"aws:PrincipalIsAWSService": "false"}}),
        ),
        case(
            "that denies it to other services' principals",
            f"{ELEMENTS}_notprincipal.html",
            deny(Principal=None, NotPrincipal=CLOUDTRAIL),
        ),
        case(
            "that denies it elsewhere in the bucket",
            f"{ELEMENTS}_notresource.html",
            lambda p: deny(Resource=None, NotResource=f"{acl(p)['Resource']}/AWSLogs/*")(p),
        ),
        case(
            "that denies it where a condition does not hold",
            MULTIVALUED,
            deny(Condition={"StringEquals": {"aws:SourceAccount": ["111122223333", "444455556666"]}}),
        ),
        case(
            "that denies a user of the account",
            f"{ELEMENTS}_principal.html",
            lambda p: deny(Principal={"AWS": f"arn:aws:iam::{write(p)['Resource'].split('/')[-2]}:root"})(p),
        ),
    ],
)
def test_a_policy_lets_cloudtrail_in(aws: Account, change: Change) -> None:
    name = aws.name("trail")
    bucket = aws.empty_bucket()
    policy = bucket_policy(bucket, aws.trail_arn(name))
    change(policy)
    aws.put_bucket_policy(bucket, policy)
    aws.create_trail(Name=name, S3BucketName=bucket)


@pytest.mark.parametrize(
    ("condition", "is_let_in"),
    [
        case(
            "a null condition on a key that is there",
            f"{OPERATORS}#Conditions_Null",
            {"Null": {"aws:SourceArn": "false"}},
            True,
        ),
        case(
            "a null condition on a key that is not there",
            f"{OPERATORS}#Conditions_Null",
            {"Null": {"aws:PrincipalOrgID": "false"}},
            False,
        ),
        case(
            "a negated condition on a key that is not there",
            OPERATORS,
            {"StringNotEquals": {"aws:PrincipalOrgID": "o-0000000000"}},
            True,
        ),
        case(
            "the source account by a policy variable that is not there",
            f"{IAM}/UserGuide/reference_policies_variables.html",
            {"StringEquals": {"aws:SourceAccount": "${aws:PrincipalOrgID}"}},
            False,
        ),
        case(
            "the service by name",
            f"{KEYS}#condition-keys-principalservicename",
            {"StringEquals": {"aws:PrincipalServiceName": "cloudtrail.amazonaws.com"}},
            True,
        ),
    ],
)
def test_a_condition_is_judged(aws: Account, condition: dict[str, Any], is_let_in: bool) -> None:
    name = aws.name("trail")
    bucket = aws.empty_bucket()
    policy = bucket_policy(bucket, aws.trail_arn(name))
    conditions(**condition)(policy)
    aws.put_bucket_policy(bucket, policy)
    if is_let_in:
        aws.create_trail(Name=name, S3BucketName=bucket)
    else:
        with refused("InsufficientS3BucketPolicyException"):
            aws.cloudtrail.create_trail(Name=name, S3BucketName=bucket)


@fact(f"{GUIDE}/create-s3-bucket-policy-for-cloudtrail.html")
def test_a_bucket_of_another_region_will_do(aws: Account, elsewhere: str) -> None:
    name = aws.name("trail")
    aws.trail(Name=name, S3BucketName=aws.bucket(aws.trail_arn(name), region=elsewhere))


@fact(f"{GUIDE}/cloudtrail-set-bucket-policy-for-multiple-accounts.html")
def test_a_bucket_of_another_account_will_do(aws: Account, another: Account) -> None:
    name = aws.name("trail")
    aws.trail(Name=name, S3BucketName=another.bucket(aws.trail_arn(name)))


@fact("https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html")
def test_a_bucket_policy_is_not_for_other_accounts(aws: Account, another: Account, trail: Any) -> None:
    """S3 answers 403 if the policy does not allow it, and 405 even if it does."""
    with refused("AccessDenied", status=403):
        another.client("s3").get_bucket_policy(Bucket=trail.bucket)
    policy = bucket_policy(trail.bucket, trail.arn)
    reader = {"AWS": f"arn:aws:iam::{another.number}:root"}
    policy["Statement"].append(allow(reader, "s3:GetBucketPolicy", f"arn:aws:s3:::{trail.bucket}"))
    aws.put_bucket_policy(trail.bucket, policy)
    with refused("MethodNotAllowed", status=405):
        another.client("s3").get_bucket_policy(Bucket=trail.bucket)


@fact("https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html")
def test_a_bucket_without_a_policy_says_so(aws: Account) -> None:
    with refused("NoSuchBucketPolicy", status=404):
        aws.client("s3").get_bucket_policy(Bucket=aws.empty_bucket())


@fact("https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html")
def test_an_expected_owner_that_is_not_the_owner_is_refused(aws: Account, trail: Any) -> None:
    number = "111122223333" if aws.number != "111122223333" else "444455556666"
    with refused("AccessDenied", status=403):
        aws.client("s3").get_bucket_policy(Bucket=trail.bucket, ExpectedBucketOwner=number)


@pytest.mark.parametrize(
    "policy",
    [
        case("that is not JSON", "https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html", "{"),
        case(
            "that is about another bucket",
            "https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
            '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": '
            '{"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::other/*"}]}',
        ),
    ],
)
def test_a_malformed_policy_is_refused(aws: Account, policy: str) -> None:
    with refused("MalformedPolicy"):
        aws.client("s3").put_bucket_policy(Bucket=aws.empty_bucket(), Policy=policy)


# What CloudTrail's requests tell beside the trail, and in whose name else they are made.

NOT_OF_CLOUDTRAIL = "what any service's requests carry is documented, what CloudTrail's do is not"


@pytest.mark.parametrize(
    "condition",
    [
        case("that a service asks", f"{KEYS}#condition-keys-principalisawsservice", {"Bool": "PrincipalIsAWSService"}),
        case("that it asks by TLS", f"{KEYS}#condition-keys-securetransport", {"Bool": "SecureTransport"}),
    ],
)
@unverified(NOT_OF_CLOUDTRAIL)
def test_a_request_tells(aws: Account, condition: dict[str, str]) -> None:
    let_in(aws, {"Bool": {f"aws:{condition['Bool']}": "true"}})


@fact(f"{KEYS}#condition-keys-viaawsservice")
@unverified(NOT_OF_CLOUDTRAIL)
def test_a_request_is_on_nobody_elses_behalf(aws: Account) -> None:
    let_in(aws, {"Bool": {"aws:ViaAWSService": "false"}})


@pytest.mark.parametrize(
    "key",
    [
        case("by the key of all services", f"{KEYS}#condition-keys-resourceaccount", "aws:ResourceAccount"),
        case(
            "by the key of S3",
            "https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html",
            "s3:ResourceAccount",
        ),
    ],
)
@unverified(NOT_OF_CLOUDTRAIL)
def test_a_request_tells_whose_the_bucket_is(aws: Account, key: str) -> None:
    let_in(aws, {"StringEquals": {key: aws.number}})


@fact(f"{KEYS}#condition-keys-requestedregion")
@unverified(NOT_OF_CLOUDTRAIL)
def test_a_request_goes_to_the_region_of_the_bucket(aws: Account, elsewhere: str) -> None:
    let_in(aws, {"StringEquals": {"aws:RequestedRegion": elsewhere}}, elsewhere)


@pytest.mark.parametrize(
    "key",
    [
        case("the organization of a principal", f"{KEYS}#condition-keys-principalorgid", "aws:PrincipalOrgID"),
        case("where in it", f"{KEYS}#condition-keys-principalorgpaths", "aws:PrincipalOrgPaths"),
        case("the account of a principal", f"{KEYS}#condition-keys-principalaccount", "aws:PrincipalAccount"),
        case("the ARN of a principal", f"{KEYS}#condition-keys-principalarn", "aws:PrincipalArn"),
        case("the tags of a principal", f"{KEYS}#condition-keys-principaltag", "aws:PrincipalTag/team"),
        case("a VPC", f"{KEYS}#condition-keys-sourcevpc", "aws:SourceVpc"),
        case("a VPC endpoint", f"{KEYS}#condition-keys-sourcevpce", "aws:SourceVpce"),
        case("an address in a VPC", f"{KEYS}#condition-keys-vpcsourceip", "aws:VpcSourceIp"),
        case("an MFA device", f"{KEYS}#condition-keys-multifactorauthpresent", "aws:MultiFactorAuthPresent"),
        case("the age of MFA", f"{KEYS}#condition-keys-multifactorauthage", "aws:MultiFactorAuthAge"),
    ],
)
@unverified(NOT_OF_CLOUDTRAIL)
def test_a_request_does_not_tell(aws: Account, key: str) -> None:
    let_in(aws, {"Null": {key: "true"}})


def let_in(aws: Account, condition: dict[str, Any], region: str | None = None) -> None:
    """Hold AWS to letting CloudTrail in under a condition."""
    name = aws.name("trail")
    bucket = aws.empty_bucket(region)
    policy = bucket_policy(bucket, aws.trail_arn(name))
    conditions(**condition)(policy)
    aws.put_bucket_policy(bucket, policy)
    aws.create_trail(Name=name, S3BucketName=bucket)


@fact(f"{GUIDE}/cloudtrail-troubleshooting.html")
@unverified("that older policies, which name accounts, hold for the regions of these is documented; not for how long")
def test_an_old_account_of_cloudtrails_is_let_in_for_its_region(main_region: Account) -> None:
    name, bucket = main_region.name("trail"), main_region.empty_bucket()
    policy = bucket_policy(bucket, main_region.trail_arn(name))
    for statement in policy["Statement"]:
        del statement["Condition"]
        statement["Principal"] = {"AWS": "arn:aws:iam::086441151436:root"}
    main_region.put_bucket_policy(bucket, policy)
    main_region.create_trail(Name=name, S3BucketName=bucket)


PAYER = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketRequestPayment.html"


@fact(PAYER)
def test_the_owner_of_a_bucket_pays_unless_told_otherwise(aws: Account) -> None:
    bucket, s3 = aws.empty_bucket(), aws.client("s3")
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    aws.eventually(lambda: s3.get_bucket_request_payment(Bucket=bucket)["Payer"], lambda payer: payer == "Requester")


@fact(PRESCRIBED)
@unverified("that the bucket cannot be a Requester Pays bucket is documented; with which error it is refused is not")
def test_a_bucket_for_which_requesters_pay_is_refused(aws: Account) -> None:
    name = aws.name("trail")
    bucket = aws.bucket(aws.trail_arn(name))
    aws.client("s3").put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    with refused("InsufficientS3BucketPolicyException"):
        aws.cloudtrail.create_trail(Name=name, S3BucketName=bucket)
