"""What a user installs: the chart, its Pod on the sandbox's node, under its ServiceAccount and nothing more."""

import json
import os
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kubernetes import client

from tests.integration.aws import REGION, Account
from tests.integration.conftest import ROOT, kubectl
from tests.integration.kubernetes import Trails, trail
from tests.patience import eventually, resync, timeout
from trail_sandbox.sandbox import Sandbox

CHART = str(ROOT / "charts" / "trail-operator")


def helm(sandbox: Sandbox, *arguments: str) -> str:
    """Run helm as the administrator; fails with what it says."""
    done = subprocess.run(
        ["helm", *arguments],
        env={**os.environ, **sandbox.environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"helm {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def can_i(api: client.ApiClient, verb: str, resource: str, namespace: str, user: str) -> bool:
    """Return whether the user may do that; a subresource stands after a slash, as in a role."""
    kind, _, subresource = resource.partition("/")
    name, _, group = kind.partition(".")
    attributes = {"verb": verb, "group": group, "resource": name, "subresource": subresource, "namespace": namespace}
    review = {"spec": {"user": user, "groups": ["system:authenticated"], "resourceAttributes": attributes}}
    return bool(client.AuthorizationV1Api(api).create_subject_access_review(review).status.allowed)


Install = Callable[..., str]


@pytest.fixture
def install(cluster: Sandbox, trails: Trails, account: Account, number: str) -> Iterator[Install]:
    """Installs the chart for the test's account, in a namespace of its own; uninstalls it after the test."""
    namespace = f"operator-{number}"
    release = f"chart-{number}"

    def run(command: str = "install", **values: Any) -> str:
        environment = [{"name": name, "value": value} for name, value in account.environment.items()]
        defaults = {
            "crds": {"enabled": False},
            "resync": resync(2),
            "extraEnv": environment,
            "fullnameOverride": release,
        }
        defaults["accountSelector"] = f"test={number}"  # those of other tests are theirs
        arguments = [f"--set-json={name}={json.dumps(value)}" for name, value in {**defaults, **values}.items()]
        helm(
            cluster,
            *(
                command,
                release,
                CHART,
                "--namespace",
                namespace,
                "--create-namespace",
                "--wait",
                timeout(90),
            ),
            *arguments,
        )
        return namespace

    yield run
    for name in trails.names():
        trails.delete(name)
    for name in trails.names():
        trails.wait_gone(name)
    helm(cluster, "uninstall", release, "--namespace", namespace, "--wait")
    kubectl(cluster, "delete", "namespace", namespace, "--wait=false")


def pods(api: client.ApiClient, namespace: str) -> list[Any]:
    return list(client.CoreV1Api(api).list_namespaced_pod(namespace).items)


def story(account: Account, trails: Trails) -> None:
    """Create, change, heal, tell and delete, all through the installed chart."""
    bucket = account.bucket(f"logs-{account.number}", "installed")
    trails.create(trail("installed", bucket))
    trails.wait_ready("installed")
    account.bucket_policy(bucket, "installed", "p")
    trails.change("installed", s3KeyPrefix="p")
    trails.wait_ready("installed")
    account.cloudtrail.stop_logging(Name="installed")
    eventually("the Event", lambda: trails.events("installed", "DriftCorrected"))
    trails.delete("installed")
    trails.wait_gone("installed")
    assert account.trails() == []
    assert {event.reason for event in trails.events("installed")} >= {
        "Created",
        "Updated",
        "DriftCorrected",
        "Released",
    }


def test_for_some_namespaces(install: Install, account: Account, trails: Trails, api: client.ApiClient) -> None:
    namespace = install(watchNamespaces=[trails.namespace], clusterName="chart")
    (pod,) = pods(api, namespace)
    assert all(status.ready for status in pod.status.container_statuses)
    story(account, trails)
    (port,) = pod.spec.containers[0].ports
    with urllib.request.urlopen(f"http://{pod.status.pod_ip}:{port.container_port}/metrics") as answer:
        assert 'trail_operator_drift_total{field="isLogging",kind="Trail"} 1.0' in answer.read().decode()


def test_an_upgrade_with_trails_in_place_writes_nothing(
    install: Install, account: Account, trails: Trails, api: client.ApiClient
) -> None:
    namespace = install(watchNamespaces=[trails.namespace], clusterName="chart")
    bucket = account.bucket(f"logs-{account.number}", "lasting")
    trails.create(trail("lasting", bucket))
    trails.wait_ready("lasting")
    before = len(account.writes())
    (old,) = pods(api, namespace)
    install("upgrade", watchNamespaces=[trails.namespace], clusterName="chart", logFormat="text")
    eventually("another Pod", lambda: [pod for pod in pods(api, namespace) if pod.metadata.uid != old.metadata.uid])
    seen = len(account.calls())
    eventually("a resync", lambda: len(account.calls()) > seen)
    assert account.writes()[before:] == []
    assert trails.condition("lasting")["status"] == "True"


def test_its_service_account_may_do_what_it_needs_and_nothing_more(
    install: Install, trails: Trails, api: client.ApiClient
) -> None:
    namespace = install(watchNamespaces=[trails.namespace], clusterName="chart")
    name = namespace.replace("operator-", "chart-")

    def may(verb: str, resource: str, where: str) -> bool:
        return can_i(api, verb, resource, where, f"system:serviceaccount:{namespace}:{name}")

    allowed = [
        ("list", "trails.trail-operator.dev"),
        ("watch", "trails.trail-operator.dev"),
        ("get", "trails.trail-operator.dev"),
        ("patch", "trails.trail-operator.dev"),
        ("patch", "trails.trail-operator.dev/status"),
        *((verb, "trailalarmsets.trail-operator.dev") for verb in ("get", "list", "watch", "patch")),
        ("patch", "trailalarmsets.trail-operator.dev/status"),
        *((verb, "events.events.k8s.io") for verb in ("create", "patch")),
        *((verb, "awsaccounts.trail-operator.dev") for verb in ("list", "watch", "patch")),
        ("patch", "awsaccounts.trail-operator.dev/status"),
        *((verb, "namespaces") for verb in ("list", "watch")),
    ]
    assert [entry for entry in allowed if not may(*entry, trails.namespace)] == []
    denied = [
        ("delete", "trails.trail-operator.dev", trails.namespace),
        ("create", "trails.trail-operator.dev", trails.namespace),
        *((verb, "trailalarmsets.trail-operator.dev", trails.namespace) for verb in ("create", "update", "delete")),
        ("list", "trailalarmsets.trail-operator.dev", "default"),
        ("get", "secrets", trails.namespace),
        ("list", "trails.trail-operator.dev", "default"),
        *((verb, "awsaccounts.trail-operator.dev", "") for verb in ("get", "create", "update", "delete")),
        ("update", "awsaccounts.trail-operator.dev/status", ""),
        *((verb, "namespaces", "default") for verb in ("get", "create", "patch", "update", "delete")),
        ("create", "pods", namespace),
        ("create", "events.events.k8s.io", "kube-system"),
    ]
    assert [entry for entry in denied if may(*entry)] == []


def test_it_says_in_which_region_it_works(install: Install, account: Account, trails: Trails) -> None:
    install(watchNamespaces=[trails.namespace], clusterName="chart", region="eu-west-1")
    bucket = f"logs-{account.number}"
    account.client("s3").create_bucket(Bucket=bucket)
    document = json.dumps(account.bucket_document(bucket, "abroad")).replace(f":{REGION}:", ":eu-west-1:")
    account.client("s3").put_bucket_policy(Bucket=bucket, Policy=document)
    trails.create(trail("abroad", bucket))
    body = trails.wait_ready("abroad")
    assert body["status"]["homeRegion"] == "eu-west-1"
