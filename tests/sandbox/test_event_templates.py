"""The templates of examples/cloudformation as they stand: from a call in any account and Region to the operator.

The hub is in an account and Region of its own; another account has trails in two further Regions.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.aws import Account
from tests.outcomes import outcome
from tests.patience import eventually
from tests.sandbox.buses import OF_CLOUDTRAIL, Bus
from tests.sandbox.conftest import fresh
from tests.sandbox.identities import allow, assume, client, role, trusting, user, written
from tests.sandbox.organizations import Organization
from tests.templates import HUB, MEMBER, ROLE, deploy, resource
from trail_sandbox.aws.policy import Decision, Principal, Request, evaluate

HUB_REGION, HOME, MAIN = "eu-central-1", "eu-west-1", "us-east-1"
QUEUE = "trail-operator-events"
PROVIDER = "oidc.eks.eu-central-1.amazonaws.com/id/A"
READS = ("sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:DeleteMessage")
EVENTBRIDGE = {"Service": "events.amazonaws.com"}


class Operator:
    """A session of the role of operator-role.yaml, as the operator uses its queue."""

    def __init__(self, account: Account, queue_arn: str) -> None:
        self.account = account
        given = {"Identity": "IRSA", "OIDCProvider": PROVIDER, "QueueArn": queue_arn}
        self.role_arn = deploy(account, ROLE, HUB_REGION, "role", **given)["RoleArn"]
        session = account.client("sts").assume_role_with_web_identity(
            RoleArn=self.role_arn, RoleSessionName="operator", WebIdentityToken="eyJ.a.token"
        )["Credentials"]
        self.sqs = client(account, "sqs", session, HUB_REGION)

    @property
    def _url(self) -> str:
        url: str = self.sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
        return url

    def receive(self, **members: Any) -> list[dict[str, Any]]:
        """The events of one call, whose messages are deleted."""
        messages = self.sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, **members).get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]

    def names(self, last: str) -> list[str]:
        """The names of the events in the queue, until one of this name."""
        found: list[str] = []
        while last not in found:
            events = eventually(f"an event {last}", lambda: self.receive(WaitTimeSeconds=10))
            found += [event["detail"]["eventName"] for event in events]
        return found

    def event(self, name: str) -> Any:
        """The event of this name, which is the only one in the queue."""
        [event] = eventually(f"an event {name}", lambda: self.receive(WaitTimeSeconds=10))
        assert event["detail"]["eventName"] == name
        return event


class Sender:
    """The stack of events-member.yaml in a Region of an account, and a bus that tells when all has been sent."""

    def __init__(self, account: Account, region: str, bus_arn: str) -> None:
        self.account, self.region = account, region
        self.role_arn = deploy(account, MEMBER, region, "events", EventBusArn=bus_arn)["RoleArn"]
        self.cloudtrail = account.client("cloudtrail", region)
        self.bus = Bus(account, region)
        self.bus.rule("own", OF_CLOUDTRAIL)

    def trail(self, name: str = "trail", **members: Any) -> None:
        bucket = f"{name}-{self.region}-{self.account.number}"
        self.account.open_bucket(bucket)
        self.cloudtrail.create_trail(Name=name, S3BucketName=bucket, **members)
        self.cloudtrail.start_logging(Name=name)

    def rule(self) -> str:
        return resource(self.account, "TrailsRule", self.region, "events")


class Chain:
    """Everything between a member's call and the operator's queue."""

    def __init__(self, hub: Account, member: Account, **parameters: str) -> None:
        self.hub = hub
        self.outputs = deploy(hub, HUB, HUB_REGION, "hub", **parameters)
        self.operator = Operator(hub, self.outputs["QueueArn"])
        self.sender = Sender(member, HOME, self.outputs["EventBusArn"])
        self.events, self.sqs = hub.client("events", HUB_REGION), hub.client("sqs", HUB_REGION)
        self.queue = resource(hub, "Queue", HUB_REGION, "hub")

    def arrives(self) -> bool:
        """Say whether StopLogging gets to the operator, after StartLogging did."""
        self.sender.cloudtrail.stop_logging(Name="trail")
        assert self.sender.bus.has_sent()
        found = [event["detail"]["eventName"] for event in self.operator.receive()]
        assert found in ([], ["StopLogging"])
        return bool(found)

    # What is in the way of a call that is to get through.

    def queue_policy(self) -> dict[str, Any]:
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["Policy"])["Attributes"]
        policy: dict[str, Any] = json.loads(attributes["Policy"])
        return policy

    def without_statements(self, *sids: str) -> None:
        policy = self.queue_policy()
        policy["Statement"] = [one for one in policy["Statement"] if one["Sid"] not in sids]
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": json.dumps(policy)})

    def without_queue_policy(self) -> None:
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": ""})

    def without_bus_policy(self) -> None:
        self.events.remove_permission(EventBusName="trail-operator", RemoveAllPermissions=True)

    def without_hub_rule(self) -> None:
        name = resource(self.hub, "Rule", HUB_REGION, "hub")
        self.events.disable_rule(Name=name, EventBusName="trail-operator")

    def without_hub_target(self) -> None:
        name = resource(self.hub, "Rule", HUB_REGION, "hub")
        self.events.remove_targets(Rule=name, EventBusName="trail-operator", Ids=["Queue"])

    def without_role_policy(self) -> None:
        name = self.sender.role_arn.rpartition("/")[2]
        self.sender.account.client("iam").delete_role_policy(RoleName=name, PolicyName="PutEvents")

    def without_trust(self) -> None:
        name = self.sender.role_arn.rpartition("/")[2]
        trust = written({"Effect": "Deny", "Principal": EVENTBRIDGE, "Action": "sts:AssumeRole"})
        self.sender.account.client("iam").update_assume_role_policy(RoleName=name, PolicyDocument=trust)

    def without_role(self) -> None:
        target = {"Id": "Hub", "Arn": self.outputs["EventBusArn"]}
        self.sender.account.client("events", HOME).put_targets(Rule=self.sender.rule(), Targets=[target])

    def without_member_rule(self) -> None:
        self.sender.account.client("events", HOME).disable_rule(Name=self.sender.rule())


@pytest.fixture
def chain(aws: Account, another: Account) -> Chain:
    """The hub in one account and a trail in another, of which one event has arrived."""
    made = Chain(aws, another, MemberAccounts=another.number)
    made.sender.trail()
    made.operator.event("StartLogging")
    return made


def test_a_call_in_another_account_and_region_arrives_with_its_origin(chain: Chain) -> None:
    chain.sender.cloudtrail.stop_logging(Name="trail")
    event = chain.operator.event("StopLogging")
    origin = (event["account"], event["region"], event["source"], event["detail-type"])
    assert origin == (chain.sender.account.number, HOME, "aws.cloudtrail", "AWS API Call via CloudTrail")
    assert event["detail"]["requestParameters"] == {"name": "trail"}
    assert chain.operator.receive() == [], "once"


def test_calls_of_all_regions_and_of_the_hubs_account_arrive(chain: Chain) -> None:
    bus_arn = chain.outputs["EventBusArn"]
    main, own = Sender(chain.sender.account, MAIN, bus_arn), Sender(chain.hub, HUB_REGION, bus_arn)
    own.trail()
    assert chain.operator.event("StartLogging")["account"] == chain.hub.number
    chain.sender.trail("all", IsMultiRegionTrail=True)
    assert chain.operator.names("StartLogging") == ["CreateTrail", "StartLogging"]
    role(main.account, allow("logs:*"))
    found = chain.operator.names("PutRolePolicy")
    assert found == ["CreateRole", "PutRolePolicy"], "of IAM, in the main Region alone"
    main.cloudtrail.create_trail(Name="main", S3BucketName=f"all-{HOME}-{main.account.number}")
    event = chain.operator.event("CreateTrail")
    assert (event["account"], event["region"]) == (main.account.number, MAIN)


def test_calls_on_what_trails_depend_on_arrive(chain: Chain) -> None:
    account = chain.sender.account
    s3, kms, sns, logs = (account.client(service, HOME) for service in ("s3", "kms", "sns", "logs"))
    bucket, key = f"trail-{HOME}-{account.number}", kms.create_key()["KeyMetadata"]["KeyId"]
    s3.create_bucket(Bucket=f"b-{account.number}", CreateBucketConfiguration={"LocationConstraint": HOME})
    s3.delete_bucket(Bucket=f"b-{account.number}")
    kms.disable_key(KeyId=key)
    kms.describe_key(KeyId=key)
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sns.delete_topic(TopicArn=topic)
    logs.create_log_group(logGroupName="group")
    logs.delete_log_group(logGroupName="group")
    assert chain.operator.names("DeleteLogGroup") == [
        *("CreateBucket", "DeleteBucket", "DisableKey", "CreateTopic", "DeleteTopic", "CreateLogGroup"),
        "DeleteLogGroup",
    ]
    assert outcome(s3.put_bucket_policy, Bucket=bucket, Policy="{") != "ok"
    assert chain.sender.bus.has_sent()
    assert chain.operator.receive() == [], "a call that failed has changed nothing"


@pytest.mark.parametrize(
    "remove",
    [
        Chain.without_member_rule,
        Chain.without_role,
        Chain.without_trust,
        Chain.without_role_policy,
        Chain.without_bus_policy,
        Chain.without_hub_rule,
        Chain.without_hub_target,
        Chain.without_queue_policy,
    ],
)
def test_nothing_arrives_without(chain: Chain, remove: Callable[[Chain], None]) -> None:
    remove(chain)
    assert not chain.arrives()


@pytest.mark.parametrize(
    ("sid", "expected"),
    [("EventBridge", False), ("DenyOtherSources", True), ("DenyOtherAccounts", True), ("DenyWithoutTLS", True)],
)
def test_one_statement_of_the_queues_policy_lets_events_in(chain: Chain, sid: str, expected: bool) -> None:
    assert {statement["Sid"] for statement in chain.queue_policy()["Statement"]} >= {sid}
    chain.without_statements(sid)
    assert chain.arrives() is expected


def test_the_policies_of_the_member_name_one_bus(chain: Chain) -> None:
    bus = Bus(chain.hub, HUB_REGION, "witness")
    bus.rule("all", {"source": ["aws.cloudtrail"]})
    bus.let_in({"Principal": "*"})
    target = {"Id": "Elsewhere", "Arn": bus.arn, "RoleArn": chain.sender.role_arn}
    chain.sender.account.client("events", HOME).put_targets(Rule=chain.sender.rule(), Targets=[target])
    assert chain.arrives()
    assert bus.is_empty("all")


# Who may send.


def test_an_organization_lets_its_members_in_and_nobody_else(organization: Organization, endpoint: str) -> None:
    member, stranger = organization.member(), fresh(endpoint)
    chain = Chain(organization.management, member, OrganizationId=organization.id)
    foreign = Sender(stranger, MAIN, chain.outputs["EventBusArn"])
    foreign.trail("foreign")
    assert foreign.bus.has_sent()
    chain.sender.trail()
    assert chain.operator.event("StartLogging")["account"] == member.number, "the stranger's came first"
    chain.without_bus_policy()
    assert not chain.arrives()


def test_an_account_that_is_not_listed_sends_nothing(chain: Chain, endpoint: str) -> None:
    foreign = Sender(fresh(endpoint), HOME, chain.outputs["EventBusArn"])
    foreign.trail()
    assert foreign.bus.has_sent()
    chain.sender.cloudtrail.stop_logging(Name="trail")
    assert chain.operator.event("StopLogging")["account"] == chain.sender.account.number


def test_a_member_can_make_up_no_event(chain: Chain) -> None:
    entry = {"EventBusName": chain.outputs["EventBusArn"], "DetailType": "AWS API Call via CloudTrail"}
    made_up = {**entry, "Source": "made-up", "Detail": '{"eventName": "StopLogging"}'}
    events = chain.sender.account.client("events", HUB_REGION)
    answer = events.put_events(Entries=[made_up, made_up | {"Source": "aws.cloudtrail"}])
    codes = [one.get("ErrorCode") for one in answer["Entries"]]
    assert codes == [None, "NotAuthorizedForSourceException"]
    chain.sender.cloudtrail.stop_logging(Name="trail")
    assert "userIdentity" in chain.operator.event("StopLogging")["detail"]


def test_nobody_else_can_send_even_with_all_permissions(chain: Chain) -> None:
    users = client(chain.hub, "sqs", user(chain.hub, allow("sqs:*")), HUB_REGION)
    message = {"QueueUrl": chain.queue, "MessageBody": "{}"}
    foreign = chain.sender.account.client("sqs", HUB_REGION)
    for sqs in (users, chain.sqs, chain.operator.sqs, foreign):
        assert outcome(sqs.send_message, **message) == "AccessDenied"
    chain.without_statements("DenyOtherSources")
    assert outcome(users.send_message, **message) == "AccessDenied"
    chain.without_statements("DenyOtherAccounts")
    assert outcome(users.send_message, **message) == "ok", "the two statements are what keeps a user out"


def test_another_rule_of_the_hubs_account_can_send_nothing(chain: Chain) -> None:
    bus = Bus(chain.hub, HUB_REGION, "another")
    bus.rule("own", {"source": ["made-up"]})
    trusted = {"Effect": "Allow", "Principal": EVENTBRIDGE, "Action": "sts:AssumeRole"}
    sender = role(chain.hub, allow("sqs:SendMessage"), trust=trusted)
    bus.target("own", "queue", chain.outputs["QueueArn"])
    bus.target("own", "by-role", chain.outputs["QueueArn"], RoleArn=sender)

    def is_forged() -> bool:
        bus.put(Source="made-up")
        assert bus.has_sent()
        return bool(chain.operator.receive())

    assert not is_forged()
    chain.without_statements("DenyOtherSources")
    assert is_forged(), "the statement is what keeps the role of a rule out"


def test_a_message_that_is_sent_without_tls_is_refused(chain: Chain) -> None:
    rule = resource(chain.hub, "Rule", HUB_REGION, "hub")
    keys = {
        "aws:SourceArn": f"arn:aws:events:{HUB_REGION}:{chain.hub.number}:rule/trail-operator/{rule}",
        "aws:SourceAccount": chain.hub.number,
    }

    def decision(secure: str) -> Decision:
        given = {**keys, "aws:SecureTransport": secure}
        principal = Principal.service("events.amazonaws.com")
        request = Request(principal, "sqs:SendMessage", chain.outputs["QueueArn"], given)
        return evaluate(chain.queue_policy(), request)

    assert (decision("true"), decision("false")) == (Decision.ALLOW, Decision.DENY)


def test_each_operator_gets_every_event_in_its_own_queue(aws: Account, another: Account) -> None:
    queues = {"SecondQueueName": "second", "ThirdQueueName": "third"}
    chain = Chain(aws, another, MemberAccounts=another.number, **queues)
    chain.sender.trail()
    first = chain.operator.event("StartLogging")
    for name in queues.values():
        url = chain.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        [message] = chain.sqs.receive_message(QueueUrl=url)["Messages"]
        assert json.loads(message["Body"]) == first


# The operator's role.


@pytest.mark.parametrize("action", READS)
def test_the_operator_needs_each_permission_of_its_queue(chain: Chain, action: str) -> None:
    chain.sender.cloudtrail.stop_logging(Name="trail")
    assert chain.sender.bus.has_sent()
    iam, name = chain.hub.client("iam"), chain.operator.role_arn.rpartition("/")[2]
    document = iam.get_role_policy(RoleName=name, PolicyName="EventQueue")["PolicyDocument"]
    [statement] = document["Statement"]
    assert sorted(statement["Action"]) == sorted(READS)
    statement["Action"].remove(action)
    iam.put_role_policy(RoleName=name, PolicyName="EventQueue", PolicyDocument=json.dumps(document))
    assert outcome(chain.operator.receive) == "AccessDenied"
    statement["Action"].append(action)
    iam.put_role_policy(RoleName=name, PolicyName="EventQueue", PolicyDocument=json.dumps(document))
    assert outcome(chain.operator.receive, VisibilityTimeout=0) == "ok"


def test_the_operator_reads_no_other_queue(chain: Chain) -> None:
    other = chain.sqs.create_queue(QueueName="other")["QueueUrl"]
    assert outcome(chain.operator.sqs.receive_message, QueueUrl=other) == "AccessDenied"
    assert outcome(chain.operator.sqs.purge_queue, QueueUrl=chain.queue) == "AccessDenied"


@pytest.mark.parametrize(("given", "expected"), [("false", "AccessDeniedException"), ("true", "ok")])
def test_event_history_is_readable_if_it_is_asked_for(aws: Account, given: str, expected: str) -> None:
    arn = deploy(aws, ROLE, Identity="IRSA", OIDCProvider=PROVIDER, ReadEventHistory=given)["RoleArn"]
    session = aws.client("sts").assume_role_with_web_identity(
        RoleArn=arn, RoleSessionName="operator", WebIdentityToken="eyJ.a.token"
    )["Credentials"]
    assert outcome(client(aws, "cloudtrail", session).lookup_events) == expected


@pytest.mark.parametrize("missing", ["sts:AssumeRole", "sts:TagSession"])
def test_the_operator_needs_each_permission_to_enter_an_account(aws: Account, another: Account, missing: str) -> None:
    tags = {"Tags": [{"Key": "kubernetes-namespace", "Value": "trail-operator"}]}
    both = "sts:AssumeRole", "sts:TagSession"
    own = deploy(aws, ROLE, Identity="PodIdentity", AccountRole="trails")["RoleArn"]
    theirs = role(another, trust=trusting(aws.number, *both), name="trails")
    iam, name = aws.client("iam"), own.rpartition("/")[2]
    # The emulator has no EKS: a user takes its place.
    pods = client(aws, "sts", user(aws, allow(*both), name="pods"))
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=written(trusting(aws.number, *both)))
    session = assume(pods, own, TransitiveTagKeys=["kubernetes-namespace"], **tags)
    enter, given = client(aws, "sts", session).assume_role, {"RoleArn": theirs, "RoleSessionName": "operator"}
    assert outcome(enter, **given) == "ok"
    document = iam.get_role_policy(RoleName=name, PolicyName="RolesOfTrailAccounts")["PolicyDocument"]
    [statement] = document["Statement"]
    assert sorted(statement["Action"]) == sorted(both)
    statement["Action"].remove(missing)
    iam.put_role_policy(RoleName=name, PolicyName="RolesOfTrailAccounts", PolicyDocument=json.dumps(document))
    assert outcome(enter, **given) == "AccessDenied"


# Who may assume the roles of the templates.


def trusts(account: Account, arn: str, service: str, action: str, keys: dict[str, str]) -> bool:
    """Whether a role's trust policy lets a service in."""
    found = account.client("iam").get_role(RoleName=arn.rpartition("/")[2])["Role"]["AssumeRolePolicyDocument"]
    request = Request(Principal.service(service), action, arn, keys)
    return evaluate(found, request) is Decision.ALLOW


@pytest.mark.parametrize("action", ["sts:AssumeRole", "sts:TagSession"])
def test_eks_gives_the_operators_role_to_one_service_account(aws: Account, action: str) -> None:
    arn = deploy(aws, ROLE, Identity="PodIdentity")["RoleArn"]
    own = {f"aws:RequestTag/kubernetes-{kind}": "trail-operator" for kind in ("namespace", "service-account")}
    assert trusts(aws, arn, "pods.eks.amazonaws.com", action, own)
    assert not trusts(aws, arn, "ec2.amazonaws.com", action, own)
    for key in own:
        assert not trusts(aws, arn, "pods.eks.amazonaws.com", action, own | {key: "another"})


def test_eventbridge_uses_the_members_role_for_rules_of_its_account_and_region(chain: Chain) -> None:
    account = chain.sender.account
    source = {"aws:SourceAccount": account.number, "aws:SourceArn": rule_arn(account.number, HOME)}
    given = account, chain.sender.role_arn, "events.amazonaws.com", "sts:AssumeRole"
    assert trusts(*given, source)
    for other in (
        {"aws:SourceAccount": chain.hub.number},
        {"aws:SourceArn": rule_arn(chain.hub.number, HOME)},
        {"aws:SourceArn": rule_arn(account.number, MAIN)},
    ):
        assert not trusts(*given, source | other)


def rule_arn(account: str, region: str) -> str:
    return f"arn:aws:events:{region}:{account}:rule/trails"
