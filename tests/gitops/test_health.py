"""The documentation's health checks, judged by Argo CD's own program."""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.gitops.argocd import program
from tests.gitops.conftest import snippet
from trail_operator.api.reasons import ACCOUNT_REASONS, ALARM_SET_REASONS, Reason

PAUSED: dict[str, Any] = {"trail-operator.dev/paused": "true"}


def trail(
    *conditions: dict[str, str], kind: str = "Trail", observed: int | None = 2, **metadata: Any
) -> dict[str, Any]:
    status = {} if observed is None else {"status": {"observedGeneration": observed, "conditions": list(conditions)}}
    metadata = {"name": "audit", "namespace": "default", "generation": 2, **metadata}
    return {"apiVersion": "trail-operator.dev/v1beta1", "kind": kind, "metadata": metadata, "spec": {}, **status}


def condition(status: str, reason: str, kind: str = "Ready") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": f"what is to be known of {reason}"}


READY = condition("True", "Recording")
IN_SYNC = condition("True", "InSync")
LOGGING = condition("True", "Recording", "Logging")
OFF = condition("False", "LoggingOff", "Logging")
DENIED = condition("False", "BucketPolicyDenies")
GOING: dict[str, Any] = {"deletionTimestamp": "2026-01-31T12:00:00Z"}
CASES = {
    "nothing written yet": (trail(observed=None), "Progressing", "not reconciled"),
    "what the definition gives a new object": (trail(observed=-1), "Progressing", "not reconciled"),
    "a new spec": (trail(READY, observed=1), "Progressing", "not reconciled"),
    "recording": (trail(READY, LOGGING), "Healthy", "what is to be known of Recording"),
    "off because the spec says so": (trail(condition("True", "LoggingOff"), OFF), "Suspended", "LoggingOff"),
    "looked at, and off as the spec says": (trail(condition("True", "Observed"), OFF), "Suspended", "Observed"),
    "ready, and not known to record": (
        trail(READY, condition("Unknown", "AWSUnreachable", "Logging")),
        "Suspended",
        "Recording",
    ),
    "looked at, and recording": (trail(condition("True", "Observed"), LOGGING), "Healthy", "Observed"),
    "being made": (trail(condition("False", "Progressing")), "Progressing", "what is to be known of Progressing"),
    "throttled": (trail(condition("False", "Throttled")), "Progressing", "what is to be known of Throttled"),
    "a policy denies": (trail(DENIED), "Degraded", "what is to be known of BucketPolicyDenies"),
    "nothing known": (trail(condition("Unknown", "AWSUnreachable")), "Degraded", "AWSUnreachable"),
    "refused for good": (
        trail(condition("False", "InvalidSpec"), condition("True", "InvalidSpec", "Stalled")),
        "Degraded",
        "what is to be known of InvalidSpec",
    ),
    "paused": (trail(condition("Unknown", "Paused"), annotations=PAUSED), "Suspended", "paused"),
    "paused, not yet noticed": (trail(READY, LOGGING, annotations=PAUSED), "Suspended", "paused"),
    "no longer paused, not yet noticed": (trail(condition("Unknown", "Paused")), "Progressing", "Paused"),
    "other annotations": (trail(READY, LOGGING, annotations={"a": "b"}), "Healthy", "Recording"),
    "being deleted": (trail(READY, **GOING), "Progressing", "Pending deletion"),
    "an alarm set that was not reconciled": (trail(kind="TrailAlarmSet", observed=-1), "Progressing", "not reconciled"),
    "an alarm set with a new spec": (trail(IN_SYNC, kind="TrailAlarmSet", observed=1), "Progressing", "not reconciled"),
    "alarms in sync": (trail(IN_SYNC, kind="TrailAlarmSet"), "Healthy", "what is to be known of InSync"),
    "alarms looked at": (trail(condition("True", "Observed"), kind="TrailAlarmSet"), "Healthy", "Observed"),
    "alarms of a trail that is not made yet": (
        trail(condition("False", "TrailNotManaged"), kind="TrailAlarmSet"),
        "Progressing",
        "what is to be known of TrailNotManaged",
    ),
    "an alarm of another owner": (
        trail(condition("False", "Conflict"), condition("True", "Conflict", "Stalled"), kind="TrailAlarmSet"),
        "Degraded",
        "what is to be known of Conflict",
    ),
    "a topic that is not allowed": (
        trail(condition("False", "ActionNotAllowed"), kind="TrailAlarmSet"),
        "Degraded",
        "what is to be known of ActionNotAllowed",
    ),
    "an alarm set paused": (trail(IN_SYNC, kind="TrailAlarmSet", annotations=PAUSED), "Suspended", "paused"),
    "an alarm set being deleted": (trail(IN_SYNC, kind="TrailAlarmSet", **GOING), "Progressing", "Pending deletion"),
    "an account that was not reconciled": (trail(kind="AWSAccount", observed=-1), "Progressing", "not reconciled"),
    "an account": (trail(condition("True", "IdentityVerified"), kind="AWSAccount"), "Healthy", "IdentityVerified"),
    "an account of which STS has not said yet who we are": (
        trail(condition("False", "Throttled"), kind="AWSAccount"),
        "Progressing",
        "what is to be known of Throttled",
    ),
    "an account denied": (
        trail(condition("False", "AssumeRoleDenied"), kind="AWSAccount"),
        "Degraded",
        "what is to be known of AssumeRoleDenied",
    ),
    "an account in use": (
        trail(condition("False", "InUse"), kind="AWSAccount", **GOING),
        "Progressing",
        "Pending deletion",
    ),
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("settings") / "argocd-cm.yaml"
    path.write_text(yaml.safe_dump(snippet("ConfigMap", "argocd-cm")))
    return path


def judge(settings: Path, body: dict[str, Any], directory: Path) -> dict[str, str]:
    """What Argo CD says of an object: status and message."""
    manifest = directory / "object.yaml"
    manifest.write_text(yaml.safe_dump(body))
    arguments = ["admin", "settings", "resource-overrides", "health", str(manifest), "--argocd-cm-path", str(settings)]
    done = subprocess.run(
        [program(), *arguments],
        env={"ARGOCD_BINARY_NAME": "argocd", "HOME": str(directory)},
        capture_output=True,
        text=True,
        check=True,
    )
    return {name: value.strip() for name, _, value in (line.partition(":") for line in done.stdout.splitlines())}


@pytest.mark.parametrize(("body", "status", "message"), CASES.values(), ids=CASES.keys())
def test_health(settings: Path, tmp_path: Path, body: dict[str, Any], status: str, message: str) -> None:
    told = judge(settings, body, tmp_path)
    assert told["STATUS"] == status
    assert message in told["MESSAGE"]


@pytest.mark.parametrize(
    ("kind", "reasons"), [("Trail", Reason), ("AWSAccount", ACCOUNT_REASONS), ("TrailAlarmSet", ALARM_SET_REASONS)]
)
def test_no_reason_is_healthy_that_is_not_ready(
    settings: Path, tmp_path: Path, kind: str, reasons: Iterable[Reason]
) -> None:
    for reason in reasons:
        told = judge(settings, trail(condition("False", reason.value), LOGGING, kind=kind), tmp_path)
        assert told["STATUS"] in {"Degraded", "Progressing"}
        assert told["MESSAGE"] == f"{reason}: what is to be known of {reason}"
