"""The node stand-in, through the Kubernetes API: Pods live, are probed, restarted and end as with a kubelet."""

import asyncio
import base64
import datetime
import functools
import json
import os
import re
import signal
import ssl
import subprocess
import urllib.request
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from tests.patience import eventually, evidence, seconds, timeout
from trail_sandbox import processes
from trail_sandbox.kubernetes.node import agent, credentials, environment, probes
from trail_sandbox.kubernetes.node.addresses import Addresses
from trail_sandbox.kubernetes.node.api import ApiError
from trail_sandbox.kubernetes.node.container import Backoff
from trail_sandbox.kubernetes.node.pod import NodeContext
from trail_sandbox.kubernetes.node.status import ContainerRecord
from trail_sandbox.sandbox import Sandbox

Object = dict[str, Any]

SERVER = {
    "name": "web",
    "image": "registry.example/team/python:3.11@sha256:0",
    "command": ["python", "-m", "http.server"],
    "args": ["--bind", "$(POD_IP)", "8080"],
    "ports": [{"name": "http", "containerPort": 8080}],
    "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
    "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
}


class Namespace:
    """A namespace of one test's own, and what the test does there."""

    def __init__(self, sandbox: Sandbox, name: str) -> None:
        self.sandbox, self.name = sandbox, name
        connection = config.new_client_from_config(str(sandbox.kubeconfig))
        self.core, self.apps = client.CoreV1Api(connection), client.AppsV1Api(connection)
        self.rbac = client.RbacAuthorizationV1Api(connection)

    def kubectl(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["kubectl", "--namespace", self.name, *arguments],
            env={**os.environ, **self.sandbox.environment()},
            capture_output=True,
            text=True,
            check=check,
            timeout=seconds(120),
        )

    def run(self, name: str, container: Object, **spec: Any) -> None:
        """Make a Pod of one container."""
        full = {"name": "main", "image": "registry.example/none", **container}
        pod = {"metadata": {"name": name}, "spec": {"restartPolicy": "Never", "containers": [full], **spec}}
        self.core.create_namespaced_pod(self.name, pod)

    def script(self, name: str, script: str, container: Object | None = None, **spec: Any) -> None:
        """Make a Pod that runs a shell script."""
        self.run(name, {"command": ["sh", "-c", script], **(container or {})}, **spec)

    def pod(self, name: str) -> Any:
        return self.core.read_namespaced_pod(name, self.name)

    def reaches(self, name: str, phase: str) -> Any:
        def check() -> Any:
            pod = self.pod(name)
            return pod if pod.status.phase == phase else None

        return eventually(f"{name} is {phase}", check)

    def state(self, name: str) -> Any:
        """The container's status."""
        statuses = self.pod(name).status.container_statuses
        return statuses[0] if statuses else None

    def log(self, name: str, container: str = "main") -> str:
        path = self.sandbox.state.pods / f"{self.name}_{name}_{container}.log"
        return path.read_text() if path.exists() else ""

    def deploy(self, container: Object, replicas: int = 1, **template: Any) -> None:
        labels = {"app": "web"}
        spec = {"terminationGracePeriodSeconds": 5, "containers": [container], **template}
        self.apps.create_namespaced_deployment(
            self.name,
            {
                "metadata": {"name": "web"},
                "spec": {
                    "replicas": replicas,
                    "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": spec},
                },
            },
        )

    def described(self) -> str:
        """What a failing test shows: the objects, and what the node and the controllers did."""
        objects = self.kubectl("get", "deployments,replicasets,pods,events", "--output=yaml", check=False).stdout
        logs = self.sandbox.state.logs
        node = [line for line in (logs / "node.log").read_text().splitlines() if self.name in line]
        controllers = (logs / "kube-controller-manager.log").read_text().splitlines()[-50:]
        return "\n".join([objects, "--- the node's log", *node, "--- the controllers' log", *controllers])

    def pods(self) -> list[Any]:
        return list(self.core.list_namespaced_pod(self.name).items)


@pytest.fixture
def namespace(sandbox: Sandbox) -> Iterator[Namespace]:
    result = Namespace(sandbox, f"node-{uuid.uuid4().hex[:8]}")
    result.core.create_namespace({"metadata": {"name": result.name}})
    eventually(
        "the service account is there",
        lambda: result.core.list_namespaced_service_account(result.name).items,
    )
    with evidence(result.described):
        yield result
    result.core.delete_namespace(result.name, grace_period_seconds=0)


def container_processes(pod_directory: Path) -> list[processes.Process]:
    """The processes that have a Pod's directory for HOME."""
    return processes.marked(str(pod_directory), "HOME")


# Deployments, as `helm install --wait` and roll-outs see them.


def rolled_out(namespace: Namespace) -> None:
    """Wait until the Deployment is as it is to be."""
    namespace.kubectl("rollout", "status", "deployment/web", timeout(60))


def test_a_deployment_becomes_available_rolls_over_and_is_deleted(namespace: Namespace) -> None:
    namespace.deploy(SERVER, replicas=2)
    rolled_out(namespace)
    before = {pod.metadata.uid: pod.status.pod_ip for pod in namespace.pods()}
    assert len(set(before.values())) == 2, "two Pods listen on the same port, each at its own address"
    assert all(re.fullmatch(r"127\.\d+\.\d+\.\d+", ip) for ip in before.values())

    namespace.kubectl("rollout", "restart", "deployment/web")
    rolled_out(namespace)
    after = {pod.metadata.uid for pod in namespace.pods() if not pod.metadata.deletion_timestamp}
    assert len(after) == 2
    assert not after & set(before)

    namespace.kubectl("delete", "deployment/web", "--cascade=foreground")
    eventually("no Pod is left", lambda: not namespace.pods())
    for uid in {*before, *after}:
        directory = namespace.sandbox.state.pods / uid
        assert container_processes(directory) == []
        eventually("its directory is gone", functools.partial(_is_absent, directory))


def test_a_pod_that_is_not_ready_keeps_a_deployment_waiting(namespace: Namespace) -> None:
    namespace.deploy({**SERVER, "readinessProbe": {"httpGet": {"path": "/absent", "port": "http"}, "periodSeconds": 1}})
    waited = namespace.kubectl("rollout", "status", "deployment/web", "--timeout=3s", check=False)
    assert waited.returncode != 0

    def conditions() -> dict[str, str]:
        return {c.type: c.status for pod in namespace.pods() for c in pod.status.conditions or []}

    eventually("Initialized", lambda: conditions().get("Initialized") == "True")
    assert conditions()["Ready"] == conditions()["ContainersReady"] == "False"


def test_helm_waits_for_what_it_installs(namespace: Namespace, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: web\nversion: 0.1.0\n")
    labels = {"app": "web"}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [SERVER]}},
        },
    }
    manifest = json.dumps(deployment).replace('"path": "/"', '"path": "{{ .Values.path }}"')
    (tmp_path / "templates" / "web.json").write_text(manifest)

    def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["helm", "--namespace", namespace.name, *arguments],
            env={**os.environ, **namespace.sandbox.environment(), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds(120),
        )

    installed = helm("install", "web", str(tmp_path), "--set", "path=/", "--wait", timeout(60))
    assert installed.returncode == 0, f"{installed.stderr}\n{namespace.described()}"
    assert [pod.status.container_statuses[0].ready for pod in namespace.pods()] == [True, True]

    upgraded = helm("upgrade", "web", str(tmp_path), "--set", "path=/absent", "--wait", "--timeout", "4s")
    assert upgraded.returncode != 0, "it says so when Pods don't become ready"

    uninstalled = helm("uninstall", "web", "--wait", "--cascade", "foreground", timeout(60))
    assert uninstalled.returncode == 0, f"{uninstalled.stderr}\n{namespace.described()}"
    # Awaited here: helm takes a first look that found nothing yet for the end of what it deletes.
    eventually("no Pod is left", lambda: not namespace.pods())


# Probes.


def test_readiness_comes_and_goes_without_a_restart(namespace: Namespace) -> None:
    probe = {"exec": {"command": ["test", "-e", "ready"]}, "periodSeconds": 1, "failureThreshold": 1}
    namespace.script("p", "sleep 600", {"readinessProbe": probe})
    namespace.reaches("p", "Running")
    assert not namespace.state("p").ready
    flag = namespace.sandbox.state.pods / namespace.pod("p").metadata.uid / "ready"
    flag.touch()
    eventually("ready", lambda: namespace.state("p").ready)
    flag.unlink()
    eventually("not ready", lambda: not namespace.state("p").ready)
    assert namespace.state("p").restart_count == 0


def test_a_failing_liveness_probe_restarts_the_container(namespace: Namespace) -> None:
    command = {"exec": {"command": ["test", "!", "-e", "broken"]}}
    namespace.script(
        "p",
        "rm -f broken; trap 'echo asked; exit 3' TERM; echo begins; while :; do sleep 0.1; done",
        {"livenessProbe": {**command, "periodSeconds": 1, "failureThreshold": 2, "timeoutSeconds": 600}},
        restartPolicy="Always",
    )
    eventually("it runs", lambda: namespace.log("p"))
    (namespace.sandbox.state.pods / namespace.pod("p").metadata.uid / "broken").touch()
    eventually("restarted", lambda: namespace.state("p").restart_count)
    ended = namespace.state("p").last_state.terminated
    assert (ended.exit_code, ended.reason) == (3, "Error")
    eventually("runs again", lambda: namespace.log("p") == "begins\nasked\nbegins\n")
    assert namespace.state("p").restart_count == 1


def test_a_startup_probe_holds_the_others_back(namespace: Namespace) -> None:
    probe = {"exec": {"command": ["test", "-e", "up"]}, "periodSeconds": 1, "timeoutSeconds": 600}
    namespace.script(
        "p",
        "sleep 600",
        {"startupProbe": {**probe, "failureThreshold": 600}, "livenessProbe": {**probe, "failureThreshold": 1}},
        restartPolicy="Always",
    )
    namespace.reaches("p", "Running")
    assert not namespace.state("p").started
    (namespace.sandbox.state.pods / namespace.pod("p").metadata.uid / "up").touch()
    eventually("started", lambda: namespace.state("p").started)
    assert namespace.state("p").ready
    assert namespace.state("p").restart_count == 0


def test_a_tcp_probe_and_a_port_by_name(namespace: Namespace) -> None:
    probe = {"tcpSocket": {"port": "http"}, "periodSeconds": 1}
    namespace.run("p", {**SERVER, "readinessProbe": probe})
    eventually("ready", lambda: (state := namespace.state("p")) and state.ready)


def test_an_answer_that_takes_too_long_is_a_failure(namespace: Namespace) -> None:
    probe = {"exec": {"command": ["sleep", "600"]}, "periodSeconds": 1, "timeoutSeconds": 1, "failureThreshold": 1}
    namespace.script(
        "p", "sleep 600", {"livenessProbe": probe}, restartPolicy="Always", terminationGracePeriodSeconds=1
    )
    eventually("restarted", lambda: (state := namespace.state("p")) and state.restart_count)


@pytest.mark.parametrize(
    ("answers", "verdicts"),
    [
        ([True], [None]),
        ([True, True], [None, True]),
        ([False, False, False], [None, None, False]),
        ([True, False, True, True], [None, None, None, True]),
        ([False, False, True, False, False, False], [None, None, None, None, None, False]),
    ],
)
def test_thresholds_count_answers_in_a_row(answers: list[bool], verdicts: list[bool | None]) -> None:
    timing = probes.Timing.of({"successThreshold": 2, "failureThreshold": 3})
    streak = probes.Streak(timing)
    assert [streak.count(answer) for answer in answers] == verdicts


# Ends and restarts.


@pytest.mark.parametrize(("script", "phase", "code"), [("exit 0", "Succeeded", 0), ("exit 7", "Failed", 7)])
def test_a_pod_that_is_done(script: str, phase: str, code: int, namespace: Namespace) -> None:
    namespace.script("p", f"echo it works; {script}")
    pod = namespace.reaches("p", phase)
    state = pod.status.container_statuses[0]
    assert state.state.terminated.exit_code == code
    assert state.restart_count == 0
    assert {c.type: c.reason for c in pod.status.conditions}["Ready"] == (
        "PodCompleted" if phase == "Succeeded" else "PodFailed"
    )
    assert namespace.log("p") == "it works\n"
    namespace.core.delete_namespaced_pod("p", namespace.name)
    eventually("gone", lambda: namespace.pods() == [])


def test_on_failure_ends_with_the_first_success(namespace: Namespace) -> None:
    namespace.script("p", "test -e second && exit 0; touch second; exit 1", restartPolicy="OnFailure")
    pod = namespace.reaches("p", "Succeeded")
    assert pod.status.container_statuses[0].restart_count == 1


def test_a_crash_loop_is_told(namespace: Namespace, tmp_path: Path) -> None:
    def crash_loop(pod: str) -> Any:
        state = namespace.state(pod)
        in_it = state and state.state.waiting and state.state.waiting.reason == "CrashLoopBackOff"
        return state if in_it else None

    starts: list[int] = []
    for pod in ("p", "q", "r"):  # deleting one may take longer than the ten seconds that it waits
        log = tmp_path / pod
        namespace.script(pod, f"echo started >> {log}; exit 1", restartPolicy="Always")
        told = eventually("CrashLoopBackOff", functools.partial(crash_loop, pod))
        assert told.restart_count >= 1
        assert told.last_state.terminated.exit_code == 1
        namespace.core.delete_namespaced_pod(pod, namespace.name)
        eventually("gone, although it waited to be restarted", lambda: namespace.pods() == [])
        starts.append(log.read_text().count("started"))
        if starts[-1] == 2:
            return
    raise AssertionError(f"restarted to be deleted: {starts} starts")


def test_the_count_of_restarts_never_rises_before_the_last_end_is_told() -> None:
    now = datetime.datetime.now(datetime.UTC)
    record = ContainerRecord("main", "image")
    record.running(now)
    record.terminated(3, "Error", "", now)
    record.restarts_now()
    told = record.as_status()
    assert told["restartCount"] == 1
    assert told["lastState"]["terminated"]["exitCode"] == 3


def test_restarts_are_delayed_as_by_a_kubelet() -> None:
    backoff = Backoff()
    assert [backoff.after(1) for _ in range(8)] == [0, 10, 20, 40, 80, 160, 300, 300]
    assert backoff.after(601) == 0, "ten good minutes are a new beginning"


@pytest.mark.parametrize(
    ("script", "grace", "ends"),
    [
        ("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done", 600, {"up\nbye\n"}),
        ("trap 'echo no' TERM; echo up; while :; do sleep 0.1; done", 1, {"up\nno\n", "up\n"}),
    ],
    ids=["ends at SIGTERM", "is killed after the grace period"],
)
def test_deletion_asks_first(script: str, grace: int, ends: set[str], namespace: Namespace) -> None:
    namespace.script("p", script, terminationGracePeriodSeconds=grace)
    eventually("up", lambda: namespace.log("p"))
    directory = namespace.sandbox.state.pods / namespace.pod("p").metadata.uid
    assert container_processes(directory)
    namespace.core.delete_namespaced_pod("p", namespace.name)
    eventually("gone", lambda: namespace.pods() == [])
    assert namespace.log("p") in ends
    assert container_processes(directory) == []


def test_deletion_without_grace_leaves_no_process(namespace: Namespace) -> None:
    namespace.script("p", "trap '' TERM; sleep 600 & echo up; wait; sleep 600")
    eventually("up", lambda: namespace.log("p"))
    directory = namespace.sandbox.state.pods / namespace.pod("p").metadata.uid
    namespace.core.delete_namespaced_pod("p", namespace.name, grace_period_seconds=0)
    eventually("no process", lambda: not container_processes(directory))


def test_a_pre_stop_hook_runs_before_sigterm(namespace: Namespace) -> None:
    hook = {"preStop": {"exec": {"command": ["touch", "hooked"]}}}
    patience = {"terminationGracePeriodSeconds": 600}
    script = "trap 'test -e hooked && echo hooked; exit 0' TERM; echo up; while :; do sleep 0.1; done"
    namespace.script("p", script, {"lifecycle": hook}, **patience)
    eventually("up", lambda: namespace.log("p"))
    namespace.core.delete_namespaced_pod("p", namespace.name)
    eventually("gone", lambda: namespace.pods() == [])
    assert namespace.log("p") == "up\nhooked\n"


def test_init_containers_come_first_and_one_after_the_other(namespace: Namespace) -> None:
    def init(name: str, script: str) -> Object:
        return {"name": name, "image": "registry.example/none", "command": ["sh", "-c", script]}

    inits = [init("one", "sleep 0.5; echo 1 >> order"), init("two", "echo 2 >> order")]
    namespace.script("p", "cat order", initContainers=inits)
    pod = namespace.reaches("p", "Succeeded")
    assert namespace.log("p") == "1\n2\n"
    assert [s.state.terminated.exit_code for s in pod.status.init_container_statuses] == [0, 0]

    namespace.script("q", "echo never", initContainers=[init("fails", "exit 1")])
    namespace.reaches("q", "Failed")
    assert namespace.log("q") == ""


# What a container sees.


def test_the_environment(namespace: Namespace) -> None:
    namespace.core.create_namespaced_config_map(
        namespace.name, {"metadata": {"name": "settings"}, "data": {"level": "debug"}}
    )
    secret = {"metadata": {"name": "secrets"}, "data": {"word": base64.b64encode(b"sesame").decode()}}
    namespace.core.create_namespaced_secret(namespace.name, secret)

    def field(path: str) -> Object:
        return {"valueFrom": {"fieldRef": {"fieldPath": path}}}

    env = [
        {"name": "PLAIN", "value": "a"},
        {"name": "DERIVED", "value": "$(PLAIN)b $(UNKNOWN) $$(PLAIN)"},
        {"name": "NAME", **field("metadata.name")},
        {"name": "NAMESPACE", **field("metadata.namespace")},
        {"name": "UID_", **field("metadata.uid")},
        {"name": "LABEL", **field("metadata.labels['tier']")},
        {"name": "NODE", **field("spec.nodeName")},
        {"name": "ACCOUNT", **field("spec.serviceAccountName")},
        {"name": "IP", **field("status.podIP")},
        {"name": "LEVEL", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "level"}}},
        {"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "secrets", "key": "word"}}},
        {"name": "NONE", "valueFrom": {"secretKeyRef": {"name": "absent", "key": "x", "optional": True}}},
    ]
    pod = {
        "metadata": {"name": "p", "labels": {"tier": "front"}},
        "spec": {
            "restartPolicy": "Never",
            "containers": [
                {
                    "name": "main",
                    "image": "registry.example/none",
                    "command": ["sh", "-c", 'env; echo "ARG=$0"'],
                    "args": ["$(PLAIN)$(IP)"],
                    "env": env,
                    "envFrom": [{"prefix": "FROM_", "configMapRef": {"name": "settings"}}],
                }
            ],
        },
    }
    namespace.core.create_namespaced_pod(namespace.name, pod)
    seen = namespace.reaches("p", "Succeeded")
    variables = dict(line.split("=", 1) for line in namespace.log("p").splitlines() if "=" in line)
    expected = {
        "PLAIN": "a",
        "DERIVED": "ab $(UNKNOWN) $(PLAIN)",
        "NAME": "p",
        "NAMESPACE": namespace.name,
        "UID_": seen.metadata.uid,
        "LABEL": "front",
        "NODE": "sandbox",
        "ACCOUNT": "default",
        "IP": seen.status.pod_ip,
        "LEVEL": "debug",
        "WORD": "sesame",
        "FROM_level": "debug",
        "ARG": f"a{seen.status.pod_ip}",
        "AWS_ENDPOINT_URL": namespace.sandbox.aws_endpoint,
        "AWS_ACCESS_KEY_ID": "123456789012",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    assert {name: variables.get(name) for name in expected} == expected
    assert "NONE" not in variables


def test_a_missing_secret_keeps_the_container_waiting_until_it_is_there(namespace: Namespace) -> None:
    reference = {"name": "late", "key": "word"}
    env = [{"name": "WORD", "valueFrom": {"secretKeyRef": reference}}]
    namespace.script("p", "echo $WORD", {"env": env})

    def reason() -> str | None:
        state = namespace.state("p")
        return state.state.waiting.reason if state and state.state.waiting else None

    eventually("CreateContainerConfigError", lambda: reason() == "CreateContainerConfigError")
    assert "Secret late not found" in namespace.state("p").state.waiting.message
    data = {"word": base64.b64encode(b"here").decode()}
    namespace.core.create_namespaced_secret(namespace.name, {"metadata": {"name": "late"}, "data": data})
    namespace.reaches("p", "Succeeded")
    assert namespace.log("p") == "here\n"


@pytest.mark.parametrize(
    ("image", "entrypoint"),
    [
        ("trail-operator", "trail-operator"),
        ("ghcr.io/someone/trail-operator:0.1.0", "trail-operator"),
        ("localhost:5000/trail-operator", "trail-operator"),
        ("registry.example/a/b/trail-operator:1@sha256:0123", "trail-operator"),
    ],
)
def test_without_a_command_the_images_name_is_the_entrypoint(image: str, entrypoint: str) -> None:
    assert environment.image_entrypoint(image) == entrypoint


def test_an_image_that_is_no_executable_here_says_so(namespace: Namespace) -> None:
    namespace.run("p", {"image": "registry.example/no-such-program:1", "args": ["run"]})
    pod = namespace.reaches("p", "Failed")
    ended = pod.status.container_statuses[0].state.terminated
    assert ended.reason == "StartError"
    assert "'no-such-program' is not on PATH" in ended.message


def test_an_image_is_run_by_its_name(namespace: Namespace) -> None:
    namespace.run("p", {"image": "registry.example/some/python:3", "args": ["-c", "print('by name')"]})
    namespace.reaches("p", "Succeeded")
    assert namespace.log("p") == "by name\n"


# Identity.


def test_a_pod_may_what_its_service_account_may(namespace: Namespace) -> None:
    """The same requests before and after a RoleBinding; the API server judges, by RBAC."""
    namespace.core.create_namespaced_service_account(namespace.name, {"metadata": {"name": "reader"}})
    script = "kubectl auth whoami -o jsonpath='{.status.userInfo.username}'; echo; kubectl get configmaps -o name"
    path = {"env": [{"name": "PATH", "value": namespace.sandbox.environment()["PATH"]}]}
    namespace.script("before", script, path, serviceAccountName="reader")
    namespace.reaches("before", "Failed")
    user = f"system:serviceaccount:{namespace.name}:reader"
    assert namespace.log("before").startswith(user)
    assert f'User "{user}" cannot list resource "configmaps"' in namespace.log("before")

    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]
    namespace.rbac.create_namespaced_role(namespace.name, {"metadata": {"name": "reader"}, "rules": rules})
    binding = {
        "metadata": {"name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": namespace.name}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
    }
    namespace.rbac.create_namespaced_role_binding(namespace.name, binding)
    namespace.script("after", script + "; kubectl get secrets", path, serviceAccountName="reader")
    namespace.reaches("after", "Failed")
    assert "configmap/kube-root-ca.crt" in namespace.log("after")
    assert 'cannot list resource "secrets"' in namespace.log("after")


def test_a_token_ends_with_its_pod(namespace: Namespace) -> None:
    namespace.script("p", "echo up; sleep 600", terminationGracePeriodSeconds=0)
    eventually("up", lambda: namespace.log("p"))
    directory = namespace.sandbox.state.pods / namespace.pod("p").metadata.uid
    connection = config.new_client_from_config(str(directory / "kubeconfig"))
    review = client.AuthenticationV1Api(connection)
    assert review.create_self_subject_review({}).status.user_info.username.endswith(":default")
    namespace.core.delete_namespaced_pod("p", namespace.name)

    def refused() -> bool:
        try:
            review.create_self_subject_review({})
        except ApiException as error:
            return bool(error.status == 401)
        return False

    # The API server remembers a good token for ten seconds.
    eventually("the token is refused", refused)


# Logs.


def test_kubectl_logs(namespace: Namespace) -> None:
    namespace.script("p", "for i in 1 2 3; do echo line $i; done; sleep 600")
    eventually("written", lambda: "line 3" in namespace.log("p"))
    assert namespace.kubectl("logs", "p").stdout == "line 1\nline 2\nline 3\n"
    assert namespace.kubectl("logs", "p", "--tail=1").stdout == "line 3\n"


def test_kubectl_logs_follow(namespace: Namespace) -> None:
    namespace.script("p", "echo one; while ! test -e go; do sleep 0.1; done; echo two")
    eventually("one", lambda: namespace.log("p"))
    follower = subprocess.Popen(
        ["kubectl", "--namespace", namespace.name, "logs", "--follow", "p"],
        env={**os.environ, **namespace.sandbox.environment()},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert follower.stdout is not None
        assert follower.stdout.readline() == "one\n"
        (namespace.sandbox.state.pods / namespace.pod("p").metadata.uid / "go").touch()
        assert follower.stdout.readline() == "two\n"
        assert follower.wait(timeout=seconds(30)) == 0, "it ends with the container"
    finally:
        follower.kill()
        follower.communicate()


def test_logs_are_not_for_everybody(sandbox: Sandbox) -> None:
    """The kubelet's port wants a certificate."""
    url = f"https://127.0.0.1:{sandbox.state.read_ports()['node']}/healthz"
    context = ssl.create_default_context(cafile=str(sandbox.state.pki / "ca.crt"))
    with pytest.raises(OSError, match=r"(?i)closed connection|certificate required|reset"):
        urllib.request.urlopen(url, context=context, timeout=seconds(30))
    pki = sandbox.state.pki
    context.load_cert_chain(pki / "client-kubelet-client.crt", pki / "client-kubelet-client.key")
    with urllib.request.urlopen(url, context=context, timeout=seconds(30)) as answer:
        assert answer.read() == b"ok"


# The node's own life. A sandbox of its own, since the node is killed.


@pytest.mark.sampled("sandboxes of their own")
def test_a_killed_node_comes_back_and_down_leaves_no_orphans() -> None:
    sandbox = Sandbox(f"t-{uuid.uuid4().hex[:12]}")
    try:
        sandbox.up()
        namespace = Namespace(sandbox, "default")
        namespace.deploy({**SERVER}, terminationGracePeriodSeconds=0)
        rolled_out(namespace)
        pod = namespace.pods()[0]
        directory = sandbox.state.pods / pod.metadata.uid
        orphans = container_processes(directory)
        assert orphans

        namespace.script("done", "exit 0")
        namespace.reaches("done", "Succeeded")

        node = next(c.pid for c in sandbox.status() if c.name == "node")
        os.kill(node or 0, signal.SIGKILL)
        eventually("the node is dead", lambda: not all(c.pid for c in sandbox.status()))
        assert all(orphan.running for orphan in orphans), "nobody ended them"

        sandbox.up()
        eventually("no orphan lives", lambda: not any(orphan.running for orphan in orphans))
        eventually(
            "ready again", lambda: namespace.pod(pod.metadata.name).status.container_statuses[0].restart_count == 1
        )
        rolled_out(namespace)
        again = container_processes(directory)
        assert again
        assert namespace.pod("done").status.phase == "Succeeded", "what was done is not done again"
        namespace.core.delete_namespaced_pod("done", "default")
        eventually("gone", lambda: [p.metadata.name for p in namespace.pods()] == [pod.metadata.name])

        node = next(c.pid for c in sandbox.status() if c.name == "node")
        os.kill(node or 0, signal.SIGKILL)
        sandbox.down()
        assert not any(process.running for process in again)
    finally:
        sandbox.down()
    assert processes.marked(str(sandbox.state.directory)) == []
    assert not sandbox.state.directory.exists()


# Parts that could not be had, or would take an hour to see, from outside.


class Overloaded:
    """Stands at the edge to the API server: there is one Pod without a node, and the first binding gets no answer."""

    def __init__(self) -> None:
        self.tries = 0
        self.is_bound = asyncio.Event()

    async def get(self, path: str) -> Object:
        assert path == "/api/v1/pods"
        pod = {"metadata": {"name": "p", "namespace": "n", "uid": "u"}, "spec": {}}
        return {"metadata": {"resourceVersion": "1"}, "items": [pod]}

    async def watch(self, *_: str) -> AsyncIterator[Object]:
        await asyncio.Event().wait()
        yield {}

    async def post(self, path: str, body: Object) -> Object:
        assert path == "/api/v1/namespaces/n/pods/p/binding"
        assert body["target"]["name"] == "sandbox"
        self.tries += 1
        if self.tries == 1:
            raise ApiError(0, "TimeoutError")
        self.is_bound.set()
        return {}


def test_a_binding_that_fails_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "_RETRY_SECONDS", 0.01)
    api: Any = Overloaded()

    async def live() -> None:
        running = asyncio.create_task(agent.Agent(NodeContext(api, tmp_path, {}), Addresses(20000)).run())
        await api.is_bound.wait()
        running.cancel()

    asyncio.run(asyncio.wait_for(live(), seconds(10)))


class ShortLived:
    """Stands at the edge to the API server: gives tokens that live for a moment."""

    server, authority_data = "https://127.0.0.1:1", ""

    def __init__(self) -> None:
        self.given = 0
        self.enough = asyncio.Event()

    async def post(self, path: str, body: Object) -> Object:
        assert path == "/api/v1/namespaces/n/serviceaccounts/a/token"
        assert body["spec"]["boundObjectRef"]["uid"] == "u"
        self.given += 1
        if self.given == 2:
            raise ApiError(500, "not now")
        if self.given == 4:
            self.enough.set()
        expiry = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=0.1)
        return {"status": {"token": f"token {self.given}", "expirationTimestamp": expiry.isoformat()}}


def test_tokens_are_renewed_before_they_expire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "_RETRY_SECONDS", 0.01)
    api = ShortLived()
    pod = {"metadata": {"namespace": "n", "name": "p", "uid": "u"}, "spec": {"serviceAccountName": "a"}}

    async def live() -> None:
        identity = credentials.Credentials(api, pod, tmp_path)  # type: ignore[arg-type]  # a stand-in for the client
        renewal = await identity.renew()
        assert renewal < datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=0.09)
        keeping = asyncio.create_task(identity.keep(renewal))
        await api.enough.wait()
        keeping.cancel()

    asyncio.run(asyncio.wait_for(live(), seconds(10)))
    written = json.loads((tmp_path / "kubeconfig").read_text())["users"][0]["user"]["token"]
    assert written == (tmp_path / "token").read_text()
    assert int(written.removeprefix("token ")) >= 3


def test_addresses_are_a_pods_own() -> None:
    addresses = Addresses(20479)
    taken = [addresses.take() for _ in range(254)]
    assert len(set(taken)) == 254
    assert taken[0] == "127.79.255.1"
    with pytest.raises(RuntimeError, match="all 254 addresses"):
        addresses.take()
    addresses.give_back(taken[7])
    assert addresses.take(taken[7]) == taken[7]


def _is_absent(directory: Path) -> bool:
    return not directory.exists()
