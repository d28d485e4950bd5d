"""Stacks: every resource type that the project's templates use, functions, failures and their rollback.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from tests.integration.aws import REGION, Account
from tests.sandbox.conftest import Refused
from tests.sandbox.identities import allow, client, user
from tests.templates import AWS_CLI, deploy, events, resource

ABROAD = "eu-west-1"
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "events"}}


def text(*, parameters: Any = None, conditions: Any = None, outputs: Any = None, **resources: Any) -> str:
    """A template as JSON, which is YAML."""
    sections = {"Parameters": parameters, "Conditions": conditions, "Outputs": outputs, "Resources": resources}
    return json.dumps({name: section for name, section in sections.items() if section})


def send_policy(queue: str, principal: Any = "*") -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": "sqs:SendMessage",
        "Resource": {"Fn::GetAtt": [queue, "Arn"]},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def status(aws: Account, name: str = "stack") -> str:
    [stack] = aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    found: str = stack["StackStatus"]
    return found


def create(aws: Account, template: str, **given: Any) -> None:
    aws.client("cloudformation").create_stack(StackName="stack", TemplateBody=template, **given)


def update(aws: Account, template: str, **given: Any) -> None:
    aws.client("cloudformation").update_stack(StackName="stack", TemplateBody=template, **given)


def attributes(aws: Account, url: str) -> dict[str, str]:
    found: dict[str, str] = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found


def buses(aws: Account) -> list[str]:
    return [bus["Name"] for bus in aws.client("events").list_event_buses()["EventBuses"]]


# Resource types.


def test_a_queue_has_its_properties_and_policy(aws: Account) -> None:
    properties = {"QueueName": "events", "MessageRetentionPeriod": 300, "SqsManagedSseEnabled": True}
    template = text(
        Queue={"Type": "AWS::SQS::Queue", "Properties": properties},
        Policy={
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"Queues": [{"Ref": "Queue"}], "PolicyDocument": send_policy("Queue")},
        },
        outputs={
            "Url": {"Value": {"Ref": "Queue"}},
            "Arn": {"Value": {"Fn::GetAtt": ["Queue", "Arn"]}},
            "Name": {"Value": {"Fn::GetAtt": ["Queue", "QueueName"]}},
        },
    )
    outputs = deploy(aws, template)
    arn = f"arn:aws:sqs:{REGION}:{aws.number}:events"
    assert (outputs["Arn"], outputs["Name"]) == (arn, "events")
    found = attributes(aws, outputs["Url"])
    assert (found["MessageRetentionPeriod"], found["SqsManagedSseEnabled"].lower()) == ("300", "true")
    assert json.loads(found["Policy"])["Statement"][0]["Resource"] == arn


def test_a_bus_has_the_statements_of_its_policies(aws: Account, another: Account) -> None:
    def policy(sid: str, principal: Any, **condition: Any) -> dict[str, Any]:
        statement = {
            "Effect": "Allow",
            "Principal": principal,
            "Action": "events:PutEvents",
            "Resource": {"Fn::GetAtt": ["Bus", "Arn"]},
            **condition,
        }
        properties = {"EventBusName": {"Ref": "Bus"}, "StatementId": sid, "Statement": statement}
        return {"Type": "AWS::Events::EventBusPolicy", "Properties": properties}

    organization = {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}}
    bus = {"Type": "AWS::Events::EventBus", "Properties": {"Name": "hub"}}
    both = {"One": policy("One", {"AWS": [another.number]}), "All": policy("All", "*", **organization)}
    deploy(aws, text(Bus=bus, **both))
    assert statements(aws) == {
        "One": {"AWS": [another.number]},
        "All": "*",
    }
    update(aws, text(Bus=bus, All=both["All"]))
    assert statements(aws) == {"All": "*"}


def statements(aws: Account) -> dict[str, Any]:
    policy = json.loads(aws.client("events").describe_event_bus(Name="hub")["Policy"])
    return {statement["Sid"]: statement["Principal"] for statement in policy["Statement"]}


def test_a_rule_has_its_pattern_and_targets(aws: Account) -> None:
    def rule(*targets: str) -> dict[str, Any]:
        properties = {
            "EventBusName": {"Ref": "Bus"},
            "EventPattern": {"source": [{"prefix": "aws."}]},
            "State": "ENABLED",
            "Targets": [{"Id": target, "Arn": {"Fn::GetAtt": ["Queue", "Arn"]}} for target in targets],
        }
        return {"Type": "AWS::Events::Rule", "Properties": properties}

    bus = {"Type": "AWS::Events::EventBus", "Properties": {"Name": "hub"}}
    outputs = deploy(
        aws,
        text(
            Bus=bus,
            Queue=QUEUE,
            Rule=rule("a", "b"),
            outputs={"Ref": {"Value": {"Ref": "Rule"}}, "Arn": {"Value": {"Fn::GetAtt": ["Rule", "Arn"]}}},
        ),
    )
    name = resource(aws, "Rule")
    assert name.startswith("stack-Rule-")
    assert outputs == {"Ref": f"hub|{name}", "Arn": f"arn:aws:events:{REGION}:{aws.number}:rule/hub/{name}"}
    eventbridge = aws.client("events")
    found = eventbridge.describe_rule(Name=name, EventBusName="hub")
    assert (json.loads(found["EventPattern"]), found["State"]) == ({"source": [{"prefix": "aws."}]}, "ENABLED")
    update(aws, text(Bus=bus, Queue=QUEUE, Rule=rule("b", "c")))
    targets = eventbridge.list_targets_by_rule(Rule=name, EventBusName="hub")["Targets"]
    assert sorted(target["Id"] for target in targets) == ["b", "c"]


def role(*policies: str, trusted: str = "events.amazonaws.com", **properties: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": trusted}, "Action": "sts:AssumeRole"}
    inline = {"Version": "2012-10-17", "Statement": [allow("events:PutEvents")]}
    given = {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "Policies": [{"PolicyName": name, "PolicyDocument": inline} for name in policies],
        **properties,
    }
    return {"Type": "AWS::IAM::Role", "Properties": given}


def test_a_role_has_its_trust_and_its_policies(aws: Account) -> None:
    read_only = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    arn = {"Arn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}}
    outputs = deploy(aws, text(Role=role("a", "b", ManagedPolicyArns=[read_only]), outputs=arn))
    iam, name = aws.client("iam"), resource(aws, "Role")
    found = iam.get_role(RoleName=name)["Role"]
    assert outputs["Arn"] == found["Arn"]
    assert found["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "events.amazonaws.com"}
    assert sorted(iam.list_role_policies(RoleName=name)["PolicyNames"]) == ["a", "b"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [one["PolicyArn"] for one in attached] == [read_only]
    update(aws, text(Role=role("b", "c", trusted="lambda.amazonaws.com")), Capabilities=["CAPABILITY_IAM"])
    found = iam.get_role(RoleName=name)["Role"]
    assert found["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert sorted(iam.list_role_policies(RoleName=name)["PolicyNames"]) == ["b", "c"]
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []


def test_a_trust_policy_may_be_text(aws: Account) -> None:
    trust = json.dumps(role()["Properties"]["AssumeRolePolicyDocument"]).replace("events.", "${Service}.")
    parameters = {"Service": {"Type": "String", "Default": "ec2"}}
    deploy(aws, text(parameters=parameters, Role=role(AssumeRolePolicyDocument={"Fn::Sub": trust})))
    found = aws.client("iam").get_role(RoleName=resource(aws, "Role"))["Role"]["AssumeRolePolicyDocument"]
    assert found["Statement"][0]["Principal"] == {"Service": "ec2.amazonaws.com"}


def test_a_deleted_stack_leaves_nothing(aws: Account) -> None:
    policy = {"Queues": [{"Ref": "Queue"}], "PolicyDocument": send_policy("Queue")}
    rule = {
        "EventPattern": {"source": ["aws.s3"]},
        "Targets": [{"Id": "a", "Arn": {"Fn::GetAtt": ["Queue", "Arn"]}}],
    }
    template = text(
        Bus={"Type": "AWS::Events::EventBus", "Properties": {"Name": "hub"}},
        Queue=QUEUE,
        Policy={"Type": "AWS::SQS::QueuePolicy", "Properties": policy},
        Rule={"Type": "AWS::Events::Rule", "Properties": rule},
        Role=role("a", ManagedPolicyArns=["arn:aws:iam::aws:policy/ReadOnlyAccess"]),
        Kept={"Type": "AWS::SQS::Queue", "DeletionPolicy": "Retain"},
    )
    deploy(aws, template)
    kept = resource(aws, "Kept")
    aws.client("cloudformation").delete_stack(StackName="stack")
    assert buses(aws) == ["default"]
    assert aws.client("sqs").list_queues()["QueueUrls"] == [kept]
    assert aws.client("events").list_rules()["Rules"] == []
    assert aws.client("iam").list_roles()["Roles"] == []
    with pytest.raises(ClientError, match="Stack with id stack does not exist"):
        status(aws)


def test_stacks_of_other_accounts_and_regions_are_apart(aws: Account, another: Account) -> None:
    queue = text(Queue={"Type": "AWS::SQS::Queue"})
    for account, region in ((aws, REGION), (aws, ABROAD), (another, REGION)):
        deploy(account, queue, region)
        [url] = account.client("sqs", region).list_queues()["QueueUrls"]
        assert f"/{account.number}/" in url


# What is refused.


def test_other_resource_types_are_refused_by_their_names(aws: Account, refused: Refused) -> None:
    topic = {"Type": "AWS::SNS::Topic"}
    with pytest.raises(ClientError, match=r"Unrecognized resource types: \[AWS::SNS::Topic, Custom::Thing\]"):
        create(aws, text(Queue=QUEUE, Topic=topic, Thing={"Type": "Custom::Thing"}))
    assert "QueueUrls" not in aws.client("sqs").list_queues(), "nothing of it was created"
    with refused("ValidationError"):
        status(aws)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("[]", "unsupported structure"),
        ("a: [", "YAML not well-formed"),
        ("Resources: {}", "At least one Resources member must be defined"),
        (json.dumps({"Transform": "x", "Resources": {"Queue": QUEUE}}), r"Invalid template property or properties \[T"),
        (text(Queue={"Properties": {}}), "must contain a Type member"),
        (text(Queue={**QUEUE, "CreationPolicy": {}}), "Invalid template resource property 'CreationPolicy'"),
        (text(Queue={**QUEUE, "Condition": "No"}), "Unresolved condition dependency No"),
        (text(Queue={"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "No"}}}), r"dependencies \[No\]"),
        (text(Queue=QUEUE, outputs={"A": {"Value": {"Fn::Sub": "${No}"}}}), r"dependencies \[No\] in the Outputs"),
        (text(Queue=QUEUE, conditions={"A": {"Fn::Equals": [{"Ref": "Queue"}, ""]}}), "in the Conditions block"),
        (text(Queue=QUEUE, outputs={"A": {"Value": {"Fn::GetAtt": ["Queue", "No"]}}}), "attribute type No"),
        (text(Queue={**QUEUE, "DependsOn": "Other"}, Other={**QUEUE, "DependsOn": ["Queue"]}), "Circular dependency"),
        (text(Queue=QUEUE, parameters={"A": {"Type": "AWS::SSM::Parameter::Name"}}), r"\[A\] must have values"),
        (text(Queue=QUEUE, parameters={"A": {"Type": "List<Number>", "Default": "1"}}), "no parameters of type List"),
    ],
    ids=lambda value: value[:30] if " " in value else None,
)
def test_a_malformed_template_is_refused(aws: Account, template: str, message: str) -> None:
    with pytest.raises(ClientError, match=message):
        create(aws, template)
    assert aws.client("cloudformation").describe_stacks()["Stacks"] == []


@pytest.mark.parametrize(
    ("slot", "value", "message"),
    [
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "A", "must match pattern"),
        ({"Type": "String", "AllowedValues": ["a", "b"]}, "c", r"must be one of \[a, b\]"),
        ({"Type": "String", "MinLength": 2}, "a", "at least 2 characters"),
        ({"Type": "String", "MaxLength": 1}, "ab", "at most 1 characters"),
        ({"Type": "Number"}, "one", "must be a number"),
        ({"Type": "Number", "MinValue": 60}, "59", "not less than 60"),
        ({"Type": "Number", "MaxValue": 60}, "61", "not greater than 60"),
        ({"Type": "CommaDelimitedList", "AllowedPattern": "[0-9]*"}, "1,b", "must match pattern"),
        ({"Type": "String", "AllowedPattern": "a", "ConstraintDescription": "must be the a"}, "b", "must be the a"),
    ],
)
def test_parameters_are_held_to_their_constraints(aws: Account, slot: Any, value: str, message: str) -> None:
    given = [{"ParameterKey": "A", "ParameterValue": value}]
    with pytest.raises(ClientError, match=f"Parameter A failed to satisfy constraint: .*{message}"):
        create(aws, text(Queue=QUEUE, parameters={"A": slot}), Parameters=given)


def test_unknown_and_missing_parameters_are_refused(aws: Account) -> None:
    with pytest.raises(ClientError, match=r"Parameters: \[A\] must have values"):
        create(aws, text(Queue=QUEUE, parameters={"A": {"Type": "String"}}))
    with pytest.raises(ClientError, match=r"Parameters: \[B\] do not exist in the template"):
        create(aws, text(Queue=QUEUE), Parameters=[{"ParameterKey": "B", "ParameterValue": "1"}])


def test_roles_need_a_capability(aws: Account, refused: Refused) -> None:
    with refused("InsufficientCapabilitiesException"):
        create(aws, text(Role=role()))
    with refused("InsufficientCapabilitiesException"):
        create(aws, text(Role=role(RoleName="a")), Capabilities=["CAPABILITY_IAM"])
    create(aws, text(Role=role(RoleName="a")), Capabilities=["CAPABILITY_NAMED_IAM"])
    assert aws.client("iam").get_role(RoleName="a")


def test_rules_of_a_template_are_checked(aws: Account) -> None:
    template = yaml.safe_load(text(Queue=QUEUE, parameters={"A": {"Type": "String", "Default": "b"}}))
    never = {"Assert": {"Fn::Equals": [{"Ref": "A"}, "a"]}, "AssertDescription": "A is not a"}
    for_b = {"RuleCondition": {"Fn::Equals": [{"Ref": "A"}, "b"]}, "Assertions": [never]}
    with pytest.raises(ClientError, match="A is not a"):
        create(aws, json.dumps(template | {"Rules": {"B": for_b}}))
    for_c = {**for_b, "RuleCondition": {"Fn::Equals": [{"Ref": "A"}, "c"]}}
    create(aws, json.dumps(template | {"Rules": {"C": for_c}}))
    assert status(aws) == "CREATE_COMPLETE"


def test_what_is_not_implemented_says_so(aws: Account) -> None:
    with pytest.raises(ClientError, match="does not implement RoleARN"):
        create(aws, text(Queue=QUEUE), RoleARN=f"arn:aws:iam::{aws.number}:role/a-role")
    with pytest.raises(ClientError, match="cloudformation CreateStackSet"):
        aws.client("cloudformation").create_stack_set(StackSetName="a", TemplateBody=text(Queue=QUEUE))
    with pytest.raises(ClientError, match="no exports"):
        create(aws, text(Queue=QUEUE, outputs={"A": {"Value": "a", "Export": {"Name": "a"}}}))


# Functions.

FUNCTIONS = """
Parameters:
  Names: {Type: CommaDelimitedList, Default: "a, b"}
  None: {Type: CommaDelimitedList, Default: ""}
  Empty: {Type: String, Default: ""}
  Count: {Type: Number, Default: 300}
Mappings:
  Map: {one: {two: found}}
Conditions:
  HasNone: !Not [!Equals [!Join ["", !Ref None], ""]]
  IsEmpty: !Equals [!Ref Empty, ""]
  Both: !And [!Condition IsEmpty, !Not [!Condition HasNone]]
  Either: !Or [!Condition HasNone, !Condition IsEmpty]
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub ["${AWS::StackName}-${Own}", {Own: !Select [1, !Ref Names]}]
      MessageRetentionPeriod: !If [Both, !Ref Count, !Ref AWS::NoValue]
      DelaySeconds: !If [HasNone, 5, !Ref AWS::NoValue]
  Absent:
    Type: AWS::SQS::Queue
    Condition: HasNone
Outputs:
  Joined: {Value: !Join ["/", [!Ref "AWS::Partition", !Ref "AWS::Region", !Ref "AWS::AccountId"]]}
  Split: {Value: !Select [2, !Split [":", !GetAtt Queue.Arn]]}
  Mapped: {Value: !FindInMap [Map, one, two]}
  Full: {Value: {"Fn::If": [Either, {"Fn::Sub": "${Queue.QueueName}"}, no]}}
  Boolean: {Value: !Sub ["${It}", {It: true}]}
  Absent: {Condition: HasNone, Value: !Ref Absent}
"""


def test_functions_and_conditions_are_computed(aws: Account) -> None:
    outputs = deploy(aws, FUNCTIONS)
    assert outputs == {
        "Joined": f"aws/{REGION}/{aws.number}",
        "Split": "sqs",
        "Mapped": "found",
        "Full": "stack-b",
        "Boolean": "true",
    }
    [url] = aws.client("sqs").list_queues()["QueueUrls"]
    found = attributes(aws, url)
    assert (found["MessageRetentionPeriod"], found["DelaySeconds"]) == ("300", "0")


def test_a_literal_of_sub_stays(aws: Account) -> None:
    outputs = deploy(aws, text(Queue=QUEUE, outputs={"A": {"Value": {"Fn::Sub": "${!Literal} ${AWS::Region}"}}}))
    assert outputs == {"A": "${Literal} us-east-1"}


# Changes and failures.


def test_a_change_keeps_what_is_the_same(aws: Account) -> None:
    def template(seconds: int, sids: int) -> str:
        policy = send_policy("Queue")
        policy["Statement"] *= sids
        return text(
            Queue={"Type": "AWS::SQS::Queue", "Properties": {"MessageRetentionPeriod": seconds}},
            Policy={
                "Type": "AWS::SQS::QueuePolicy",
                "Properties": {"Queues": [{"Ref": "Queue"}], "PolicyDocument": policy},
            },
        )

    deploy(aws, template(300, 1))
    url = resource(aws, "Queue")
    update(aws, template(600, 1))
    assert resource(aws, "Queue") == url
    assert attributes(aws, url)["MessageRetentionPeriod"] == "600"
    update(aws, template(600, 2))
    assert len(json.loads(attributes(aws, url)["Policy"])["Statement"]) == 2
    with pytest.raises(ClientError, match="No updates are to be performed"):
        update(aws, template(600, 2))


def test_another_name_makes_another_queue(aws: Account) -> None:
    deploy(aws, text(Queue=QUEUE))
    update(aws, text(Queue={"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "others"}}))
    [url] = aws.client("sqs").list_queues()["QueueUrls"]
    assert url == resource(aws, "Queue")
    assert url.endswith("/others")


def test_values_of_parameters_can_be_kept(aws: Account) -> None:
    slots = {name: {"Type": "String", "Default": "d"} for name in ("A", "B")}
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "${A}-${B}"}}}
    deploy(aws, text(Queue=queue, parameters=slots), A="a", B="b")
    kept = {"ParameterKey": "A", "UsePreviousValue": True}
    update(aws, text(Queue=queue, parameters=slots), Parameters=[kept])
    assert resource(aws, "Queue").endswith("/a-d")
    aws.client("cloudformation").update_stack(
        StackName="stack", UsePreviousTemplate=True, Parameters=[{"ParameterKey": "B", "ParameterValue": "c"}, kept]
    )
    assert resource(aws, "Queue").endswith("/a-c")


def test_a_stack_that_cannot_be_created_leaves_nothing(aws: Account) -> None:
    properties = {"Name": "hub", "KmsKeyIdentifier": "k"}
    create(
        aws, text(Queue=QUEUE, Bus={"Type": "AWS::Events::EventBus", "Properties": properties, "DependsOn": "Queue"})
    )
    assert status(aws) == "ROLLBACK_COMPLETE"
    assert ("Bus", "CREATE_FAILED", "Encountered unsupported property KmsKeyIdentifier") in events(aws)
    assert "QueueUrls" not in aws.client("sqs").list_queues()
    assert buses(aws) == ["default"]
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        update(aws, text(Queue=QUEUE))


def test_what_others_have_made_is_not_taken(aws: Account) -> None:
    url = aws.client("sqs").create_queue(QueueName="events")["QueueUrl"]
    create(aws, text(Queue=QUEUE))
    assert status(aws) == "ROLLBACK_COMPLETE"
    assert aws.client("sqs").list_queues()["QueueUrls"] == [url], "the rollback has not deleted it"


def test_a_change_that_fails_is_taken_back(aws: Account) -> None:
    deploy(aws, text(Queue=QUEUE))
    slower = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "events", "MessageRetentionPeriod": 300}}
    fails = {"Type": "AWS::Events::EventBus", "DependsOn": "Queue"}
    update(aws, text(Queue=slower, Bus=fails))
    assert status(aws) == "UPDATE_ROLLBACK_COMPLETE"
    assert ("Bus", "CREATE_FAILED", "Property Name cannot be empty.") in events(aws)
    assert attributes(aws, resource(aws, "Queue"))["MessageRetentionPeriod"] == "345600"


def test_a_role_with_a_bad_policy_is_not_left_behind(aws: Account) -> None:
    bad = {"PolicyName": "bad", "PolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Maybe"}]}}
    create(aws, text(Role=role(Policies=[bad])), Capabilities=["CAPABILITY_IAM"])
    assert status(aws) == "ROLLBACK_COMPLETE"
    assert aws.client("iam").list_roles()["Roles"] == []


def test_resources_are_made_with_the_permissions_of_the_caller(aws: Account) -> None:
    keys = user(aws, allow("cloudformation:*", "sqs:GetQueueUrl"))
    client(aws, "cloudformation", keys).create_stack(StackName="stack", TemplateBody=text(Queue=QUEUE))
    assert status(aws) == "ROLLBACK_COMPLETE"
    [reason] = [reason for name, what, reason in events(aws) if (name, what) == ("Queue", "CREATE_FAILED")]
    assert "user/alice is not authorized to perform: sqs:CreateQueue" in reason


def test_calls_of_a_stack_are_recorded_as_cloudformations_for_the_caller(aws: Account) -> None:
    deploy(aws, text(Queue=QUEUE, Role=role("a")))
    calls = aws.cloudtrail.lookup_events()["Events"]
    found = {call["EventName"]: json.loads(call["CloudTrailEvent"]) for call in calls}
    for name in ("CreateQueue", "CreateRole"):
        assert found[name]["userIdentity"]["arn"] == f"arn:aws:iam::{aws.number}:root"
        assert found[name]["userIdentity"]["invokedBy"] == "cloudformation.amazonaws.com"
        assert found[name]["userAgent"] == "cloudformation.amazonaws.com"
    assert "invokedBy" not in found["CreateStack"]["userIdentity"]


def test_whoever_may_not_create_stacks_is_refused(aws: Account, refused: Refused) -> None:
    with refused("AccessDenied"):
        client(aws, "cloudformation", user(aws, allow("sqs:*"))).create_stack(
            StackName="stack", TemplateBody=text(Queue=QUEUE)
        )


def test_a_name_is_taken_until_its_stack_is_deleted(aws: Account, refused: Refused) -> None:
    deploy(aws, text(Queue=QUEUE))
    with refused("AlreadyExistsException"):
        create(aws, text(Queue=QUEUE))
    aws.client("cloudformation").delete_stack(StackName="stack")
    deploy(aws, text(Queue=QUEUE))


def test_the_command_line_deploys_a_template(aws: Account, tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(text(Queue=QUEUE, parameters={"A": {"Type": "String"}}))
    command = [AWS_CLI, *("cloudformation", "deploy", "--stack-name", "stack", "--template-file", str(path))]
    command.append("--no-fail-on-empty-changeset")

    def run(*arguments: str) -> str:
        environment = {"PATH": os.environ["PATH"], **aws.environment}
        done = subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "Successfully created/updated stack - stack" in run("--parameter-overrides", "A=a")
    assert resource(aws, "Queue").endswith("/events")
    assert "No changes to deploy" in run()
    assert "Successfully created/updated stack - stack" in run("--parameter-overrides", "A=b")
    assert status(aws) == "UPDATE_COMPLETE"
