"""/metrics of a running operator after what really happens, and the Events that tell of it."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import requests
from kubernetes import client
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Accounts, Trails, trail
from tests.integration.process import Operator
from tests.integration.test_alerts import promtool, run  # noqa: F401 - a fixture
from tests.patience import eventually, seconds
from trail_operator.kube.client import event
from trail_operator.metrics import OPERATIONS

NAME = "audit"


class Scraped:
    """What /metrics of an operator answers."""

    def __init__(self, operator: Operator, namespace: str) -> None:
        (port,) = set(re.findall(r"metrics on 127\.0\.0\.1:(\d+)", operator.log.read_text()))
        self._url = f"http://127.0.0.1:{port}/metrics"
        self._namespace = namespace

    def text(self) -> str:
        answer = requests.get(self._url, timeout=seconds(10))
        answer.raise_for_status()
        return answer.text

    def value(self, name: str, /, **labels: str) -> float | None:
        """The sum of all samples with these labels; None where there is none."""
        found = [
            sample.value
            for family in text_string_to_metric_families(self.text())
            for sample in family.samples
            if sample.name == f"trail_operator_{name}" and labels.items() <= sample.labels.items()
        ]
        return sum(found) if found else None

    def of(self, name: str, /, **labels: str) -> float | None:
        """The value of a metric of the Trail."""
        return self.value(f"trail_{name}", trail_namespace=self._namespace, trail=NAME, **labels)


@pytest.fixture
def scraped(operator: Operator, account: Account, trails: Trails) -> Scraped:
    """The metrics of an operator that keeps one Trail, which is Ready."""
    trails.create(trail(NAME, account.bucket(f"logs-{account.number}", NAME)))
    trails.wait_ready(NAME)
    return Scraped(operator, trails.namespace)


def becomes(what: str, read: Callable[[], float | None], value: float | None) -> None:
    eventually(f"{what} is {value}", lambda: [read()] == [value])


def test_a_trail_that_is_ready(scraped: Scraped, account: Account, promtool: Any) -> None:  # noqa: F811
    assert scraped.of("ready") == 1
    assert scraped.of("reason", reason="Recording") == 1
    assert (scraped.of("logging"), scraped.of("logging_desired")) == (1, 1)
    assert scraped.of("delivery_failing", destination="S3") == 0
    assert scraped.of("delivery_failing", destination="SNS") is None
    assert scraped.of("drift_total") == 0
    assert scraped.value("leader") == 1
    assert scraped.value("aws_calls_total", operation="CreateTrail", code="ok") == 1
    assert scraped.value("aws_call_duration_seconds_count", operation="CreateTrail") == 1
    becomes("a pass", lambda: min(1.0, scraped.value("reconciles_total", result="ok") or 0.0), 1)
    account.deliver()
    eventually(
        "the last delivery", lambda: (scraped.of("last_delivery_timestamp_seconds", destination="S3") or 0) > 1e9
    )
    text = scraped.text()
    run(promtool, "check", "metrics", text=text)
    assert account.number not in text.replace(f"test-{account.number}", ""), "an account id in a label"
    assert "arn:aws" not in text


def test_a_change_made_in_aws(scraped: Scraped, account: Account, trails: Trails) -> None:
    account.cloudtrail.stop_logging(Name=NAME)
    becomes("drift", lambda: scraped.of("drift_total"), 1)
    assert scraped.value("drift_total", field="isLogging") == 1
    becomes("logging", lambda: scraped.of("logging"), 1)
    (written,) = eventually("an Event", lambda: trails.events(NAME, "DriftCorrected"))
    account.cloudtrail.stop_logging(Name=NAME)
    becomes("drift", lambda: scraped.of("drift_total"), 2)

    def counted() -> Any:
        (again,) = trails.events(NAME, "DriftCorrected")
        return again.series and again.series.count == 2 and again.metadata.name == written.metadata.name

    eventually("the same Event counts it", counted)


def test_a_change_of_the_spec_is_no_drift(scraped: Scraped, trails: Trails) -> None:
    trails.change(NAME, tags=[{"key": "team", "value": "a"}])
    trails.wait_ready(NAME)
    assert scraped.of("drift_total") == 0
    trails.change(NAME, isLogging=False)
    becomes("desired", lambda: scraped.of("logging_desired"), 0)
    becomes("logging", lambda: scraped.of("logging"), 0)
    assert scraped.of("drift_total") == 0


def test_calls_that_fail(scraped: Scraped, account: Account) -> None:
    account.fault(service="cloudtrail", operation="GetTrail", error="ThrottlingException", message="no", count=2)
    eventually("throttled", lambda: (scraped.value("aws_throttles_total", service="cloudtrail") or 0) >= 2)
    assert scraped.value("aws_calls_total", operation="GetTrail", code="ThrottlingException") == 2
    account.fault(service="cloudtrail", operation="GetTrail", error="SomethingNewException", message="no", count=1)
    becomes("other", lambda: scraped.value("aws_calls_total", operation="GetTrail", code="other"), 1)
    assert "SomethingNew" not in scraped.text()
    becomes("ready", lambda: scraped.of("ready"), 1)


def test_a_delivery_that_fails(scraped: Scraped, account: Account) -> None:
    account.client("s3").delete_bucket_policy(Bucket=f"logs-{account.number}")
    account.cloudtrail.list_trails()
    account.deliver()
    becomes("failing", lambda: scraped.of("delivery_failing", destination="S3"), 1)
    becomes("the reason", lambda: scraped.of("reason", reason="DeliveryFailing"), 1)
    assert scraped.of("ready") == 0
    assert scraped.of("logging") == 1
    assert scraped.of("reason", reason="Recording") is None


def test_a_trail_that_is_deleted(scraped: Scraped, trails: Trails) -> None:
    trails.delete(NAME)
    trails.wait_gone(NAME)
    becomes("ready", lambda: scraped.of("ready"), None)
    assert NAME not in re.sub(r"^#.*$", "", scraped.text(), flags=re.MULTILINE)
    eventually("the pass is counted", lambda: (scraped.value("reconciles_total", result="gone") or 0) >= 1)


def test_a_trail_that_can_not_be(operator_process: OperatorFactory, trails: Trails) -> None:
    scraped = Scraped(operator_process(), trails.namespace)
    trails.create(trail(NAME, "there-is-no-such-bucket"))
    trails.wait_reason(NAME, "BucketNotFound")
    becomes("the reason", lambda: scraped.of("reason", reason="BucketNotFound"), 1)
    assert scraped.of("ready") == 0
    assert (scraped.value("aws_calls_total", operation="CreateTrail", code="S3BucketDoesNotExistException") or 0) >= 1
    eventually("the pass is counted", lambda: (scraped.value("reconciles_total", result="dependency") or 0) >= 1)


def test_an_account_and_its_events(
    operator: Operator,
    account: Account,
    trails: Trails,
    accounts: Accounts,
) -> None:
    scraped = Scraped(operator, trails.namespace)
    account.bucket(f"logs-{account.number}", "others")
    account.cloudtrail.create_trail(Name="others", S3BucketName=f"logs-{account.number}")
    name = accounts.create("team", account.number)
    accounts.wait_reason(name, "IdentityVerified")
    becomes("unmanaged", lambda: scraped.value("account_unmanaged_trails", account=name), 1)
    assert scraped.value("account_trails", account=name) == 1
    assert scraped.value("account_ready", account=name) == 1

    def events() -> Any:
        found = trails.core.list_namespaced_event(
            "default", field_selector=f"involvedObject.kind=AWSAccount,involvedObject.name={name}"
        )
        return [(one.type, one.reason) for one in found.items]

    eventually("an Event", lambda: events() == [("Normal", "IdentityVerified")])
    accounts.delete(name)
    becomes("the account's metrics", lambda: scraped.value("account_ready", account=name), None)
    assert name not in scraped.text()


def test_events_tell_of_every_turn(operator: Operator, account: Account, trails: Trails) -> None:
    trails.create(trail(NAME, f"logs-{account.number}"))
    trails.wait_reason(NAME, "BucketNotFound")
    account.bucket(f"logs-{account.number}", NAME)
    trails.annotate(NAME, {"trail-operator.dev/reconcile-at": "now"})
    trails.wait_ready(NAME)
    expected = {("Warning", "BucketNotFound"), ("Normal", "Created"), ("Normal", "Recording")}

    def measured() -> set[tuple[str, str]]:
        return {(found.type, found.reason) for found in trails.events(NAME)}

    eventually(f"{expected}", lambda: expected <= measured())


def test_an_event_tells_that_logging_has_stopped_while_something_else_is_amiss(
    operator: Operator, account: Account, trails: Trails
) -> None:
    trails.create(trail(NAME, account.bucket(f"logs-{account.number}", NAME)))
    trails.wait_ready(NAME)
    for operation in ("AddTags", "StartLogging"):
        account.fault(service="cloudtrail", operation=operation, error="AccessDeniedException", message="no")
    trails.change(NAME, tags=[{"key": "team", "value": "a"}])
    trails.wait_reason(NAME, "AccessDenied")
    account.cloudtrail.stop_logging(Name=NAME)
    (told,) = eventually("an Event", lambda: trails.events(NAME, "LoggingOff"))
    assert (told.type, told.message) == ("Warning", "AWS reports that the trail is not logging")


def test_the_api_server_takes_an_event_however_long_its_parts_are(api: client.ApiClient, trails: Trails) -> None:
    name = "a" * 253
    body = {"metadata": {"name": name, "namespace": trails.namespace, "uid": "1"}}
    operations = ", ".join(operation.name for operation in OPERATIONS)
    sent = event("pod_1", body, "Normal", "Updated", operations, "tags[ö] was ä, is ö again; " * 100)
    client.CustomObjectsApi(api).create_namespaced_custom_object(
        "events.k8s.io", "v1", trails.namespace, "events", sent
    )
    (found,) = trails.events(name)
    assert found.message.startswith("tags[ö] was ä")
    assert found.action.startswith("AddTags, CreateTrail")


def test_each_line_about_a_trail_has_its_generation_and_the_request(
    operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    operator = operator_process("--log-format", "json")
    trails.create(trail(NAME, account.bucket(f"logs-{account.number}", NAME)))
    trails.wait_ready(NAME)
    account.fault(service="cloudtrail", operation="AddTags", error="AccessDeniedException", message="no", count=1)
    trails.change(NAME, tags=[{"key": "team", "value": "a"}])
    trails.wait_ready(NAME, 60)
    lines = [json.loads(line) for line in operator.log.read_text().splitlines()]
    about = [line for line in lines if line.get("trail") == f"{trails.namespace}/{NAME}"]
    assert {line["generation"] for line in about} == {1, 2}
    written = [line for line in about if "operation" in line]
    assert {line["operation"] for line in written} >= {"CreateTrail", "StartLogging", "AddTags"}
    assert all(line["requestID"] for line in written)


def test_what_a_dependency_refuses_is_a_metric_and_what_is_unknown_is_none(
    scraped: Scraped, account: Account, trails: Trails
) -> None:
    def settle(value: float | None) -> None:
        trails.annotate(NAME, {"trail-operator.dev/reconcile-at": str(value)})
        eventually(f"dependencies_ready {value}", lambda: scraped.of("dependencies_ready") == value)

    settle(1.0)
    account.client("s3").delete_bucket_policy(Bucket=f"logs-{account.number}")
    settle(0.0)
    trails.annotate(NAME, {"trail-operator.dev/paused": "true"})
    settle(None)
