"""`sandbox up` and `down`, in every order and interrupted; the API server is the real one."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from kubernetes import client, config

from tests.patience import eventually, seconds
from trail_sandbox import processes
from trail_sandbox.binaries.cache import Cache, default_directory
from trail_sandbox.binaries.programs import ETCD, PROGRAMS
from trail_sandbox.sandbox import Sandbox, SandboxError
from trail_sandbox.state import State

COMPONENTS = {"etcd", "kube-apiserver", "kube-controller-manager", "node", "aws"}


def cli(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trail_sandbox.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=check, timeout=seconds(200))


def pids(sandbox: Sandbox) -> dict[str, int | None]:
    return {component.name: component.pid for component in sandbox.status()}


def delivers_by_itself(sandbox: Sandbox) -> bool:
    settings = requests.get(f"{sandbox.aws_endpoint}/_sandbox/settings", timeout=seconds(30)).json()
    return bool(settings["background"])


def assert_nothing_is_left(sandbox: Sandbox) -> None:
    assert processes.marked(str(sandbox.state.directory)) == []
    assert not sandbox.state.directory.exists()


def core_api(sandbox: Sandbox) -> client.CoreV1Api:
    return client.CoreV1Api(config.new_client_from_config(str(sandbox.kubeconfig)))


@pytest.fixture
def own() -> Iterator[Sandbox]:
    """A sandbox of the test's own, not up yet."""
    sandbox = Sandbox(f"t-{uuid.uuid4().hex[:12]}")
    yield sandbox
    sandbox.down()


# The sandbox that all tests share.


def test_everything_answers(sandbox: Sandbox) -> None:
    assert set(pids(sandbox)) == COMPONENTS
    assert all(pids(sandbox).values())
    assert cli("status", "--name", sandbox.name).returncode == 0


def test_it_is_the_release_that_was_asked_for(sandbox: Sandbox) -> None:
    version = client.VersionApi(config.new_client_from_config(str(sandbox.kubeconfig))).get_code()
    assert (version.git_version, version.major, version.minor) == ("v1.37.1", "1", "37")


def test_env_gives_a_shell_all_that_it_needs(sandbox: Sandbox) -> None:
    exports = cli("env", "--name", sandbox.name).stdout
    shell = f"{exports}\nkubectl get nodes -o name && helm version --short && env"
    inherited = {"PATH": "/usr/bin:/bin", "HOME": os.environ["HOME"], "AWS_PROFILE": "production"}
    unsets = subprocess.run(
        [sys.executable, "-m", "trail_sandbox.cli", "env", "--name", sandbox.name],
        env={**os.environ, "AWS_PROFILE": "production"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    output = subprocess.run(
        ["bash", "-ceu", f"{unsets}\n{shell}"], env=inherited, capture_output=True, text=True, check=True
    ).stdout
    assert "node/sandbox" in output
    assert re.search(r"^v4\.3\.1", output, re.MULTILINE)
    variables = dict(line.split("=", 1) for line in output.splitlines() if "=" in line)
    assert variables["AWS_ENDPOINT_URL"] == sandbox.aws_endpoint
    assert variables["AWS_ACCESS_KEY_ID"] == "123456789012"
    assert variables["AWS_DEFAULT_REGION"] == "us-east-1"
    assert variables["AWS_SECRET_ACCESS_KEY"]
    assert variables["KUBECONFIG"] == str(sandbox.kubeconfig)
    assert "AWS_PROFILE" not in variables


def test_only_the_user_may_look_at_the_keys(sandbox: Sandbox) -> None:
    assert stat.S_IMODE(sandbox.state.directory.stat().st_mode) == 0o700
    for secret in [sandbox.kubeconfig, *sandbox.state.pki.glob("*.key")]:
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600, secret


def test_everything_listens_on_loopback_only(sandbox: Sandbox) -> None:
    """/proc/net/tcp names listening sockets by inode, and /proc/<pid>/fd whose they are."""
    ours = set()
    for pid in pids(sandbox).values():
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with_inode = re.fullmatch(r"socket:\[(\d+)\]", _link(descriptor))
            if with_inode:
                ours.add(with_inode[1])
    addresses = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in ours:
                addresses.append(fields[1].split(":")[0])
    assert len(addresses) >= len(COMPONENTS)
    assert all(len(address) == 8 and address.endswith("7F") for address in addresses), addresses


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""


def test_nobody_gets_in_without_credentials(sandbox: Sandbox) -> None:
    anonymous = client.Configuration(host=sandbox.kubernetes_endpoint)
    anonymous.ssl_ca_cert = str(sandbox.state.pki / "ca.crt")
    with pytest.raises(client.ApiException) as refused:
        client.CoreV1Api(client.ApiClient(anonymous)).list_namespace()
    assert refused.value.status == 403


def test_a_namespace_terminates_with_what_is_in_it(sandbox: Sandbox) -> None:
    api = core_api(sandbox)
    api.create_namespace({"metadata": {"name": "ends"}})
    api.create_namespaced_config_map("ends", {"metadata": {"name": "within"}})
    api.delete_namespace("ends")
    eventually("gone", lambda: "ends" not in [n.metadata.name for n in api.list_namespace().items])


def test_foreground_deletion_takes_dependents_first(sandbox: Sandbox) -> None:
    api = core_api(sandbox)
    owner = api.create_namespaced_config_map("default", {"metadata": {"name": "owner"}})
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "owner",
        "uid": owner.metadata.uid,
        "blockOwnerDeletion": True,
    }
    dependent = {"metadata": {"name": "dependent", "ownerReferences": [reference], "finalizers": ["test.example/hold"]}}
    api.create_namespaced_config_map("default", dependent)
    api.delete_namespaced_config_map("owner", "default", propagation_policy="Foreground")
    eventually(
        "the dependent is being deleted",
        lambda: api.read_namespaced_config_map("dependent", "default").metadata.deletion_timestamp,
    )
    assert api.read_namespaced_config_map("owner", "default").metadata.deletion_timestamp
    api.patch_namespaced_config_map("dependent", "default", {"metadata": {"finalizers": None}})
    eventually(
        "both are gone",
        lambda: not {"owner", "dependent"} & {c.metadata.name for c in api.list_namespaced_config_map("default").items},
    )


def test_aggregated_roles_are_filled(sandbox: Sandbox) -> None:
    api = client.RbacAuthorizationV1Api(config.new_client_from_config(str(sandbox.kubeconfig)))
    rules = [{"apiGroups": ["test.example"], "resources": ["things"], "verbs": ["get"]}]
    labels = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    api.create_cluster_role({"metadata": {"name": "things-viewer", "labels": labels}, "rules": rules})
    try:
        eventually(
            "view holds the rule",
            lambda: any(r.api_groups == ["test.example"] for r in api.read_cluster_role("view").rules or []),
        )
    finally:
        api.delete_cluster_role("things-viewer")


def test_logs_tells_which_logs_there_are_and_prints_one(sandbox: Sandbox) -> None:
    listed = cli("logs", "--name", sandbox.name).stdout
    assert {line.split()[0] for line in listed.splitlines()} >= COMPONENTS
    assert cli("logs", "--name", sandbox.name, "kube-apiserver").stdout.count("\n") > 5
    unknown = cli("logs", "--name", sandbox.name, "kube-scheduler", check=False)
    assert unknown.returncode == 1
    assert "kube-apiserver" in unknown.stderr


# Sandboxes of a test's own.


def killed_up(sandbox: Sandbox, log: str) -> None:
    """Kill an `up` as soon as the component has a log: its process may not even have a pid file."""
    up = subprocess.Popen([sys.executable, "-m", "trail_sandbox.cli", "up", "--name", sandbox.name])
    try:
        eventually(f"{log} is being started", (sandbox.state.logs / f"{log}.log").exists)
    finally:
        up.kill()
        up.wait()


def config_maps(sandbox: Sandbox) -> list[str]:
    return [one.metadata.name for one in core_api(sandbox).list_namespaced_config_map("default").items]


@pytest.mark.long
@pytest.mark.sampled("sandboxes of their own")
def test_its_life(own: Sandbox, sandbox: Sandbox) -> None:
    """Up after an `up` that was killed, up twice, up with parts missing, down twice; beside the shared sandbox."""
    killed_up(own, "kube-apiserver")
    cli("up", "--name", own.name)
    first = pids(own)
    assert delivers_by_itself(own)
    core_api(own).create_namespaced_config_map("default", {"metadata": {"name": "kept"}})

    cli("up", "--name", own.name)
    assert pids(own) == first, "a second up starts nothing"

    for name in ("kube-controller-manager", "aws"):
        os.kill(first[name] or 0, signal.SIGKILL)
    eventually("they are dead", lambda: not pids(own)["kube-controller-manager"] and not pids(own)["aws"])
    assert cli("status", "--name", own.name, check=False).returncode == 1
    cli("up", "--name", own.name, "--no-background")
    changed = {name for name, pid in pids(own).items() if pid != first[name]}
    assert changed == {"kube-controller-manager", "aws"}, "only what did not run is started"
    assert not delivers_by_itself(own)

    assert own.kubernetes_endpoint != sandbox.kubernetes_endpoint
    assert "kept" in config_maps(own)
    assert "kept" not in config_maps(sandbox)

    # As if an `up` had been killed between starting the node and writing the file.
    (own.state.pids / "node.pid").rename(own.state.directory / "node.pid")
    cli("up", "--name", own.name)
    assert processes.read_pid_file(own.state.directory / "node.pid") is None, "the first node was ended"
    assert all(pids(own).values())

    cli("down", "--name", own.name)
    assert_nothing_is_left(own)
    assert all(pids(sandbox).values()), "the end of one sandbox is nothing to another"
    cli("down", "--name", own.name)
    assert_nothing_is_left(own)


@pytest.mark.sampled("sandboxes of their own")
@pytest.mark.parametrize("log", ["etcd", "kube-apiserver", "node"])
def test_down_clears_up_after_a_killed_up(log: str, own: Sandbox) -> None:
    killed_up(own, log)
    cli("down", "--name", own.name)
    assert_nothing_is_left(own)


@pytest.mark.sampled("sandboxes of their own")
def test_down_ends_a_build_whose_up_was_killed(own: Sandbox, tmp_path: Path) -> None:
    """An empty cache of the test's own, so that `up` begins with a build."""
    code = (
        "import sys; from pathlib import Path; from trail_sandbox.sandbox import Sandbox;"
        "Sandbox(sys.argv[1], cache=Path(sys.argv[2])).up()"
    )
    up = subprocess.Popen([sys.executable, "-c", code, own.name, str(tmp_path)], stderr=subprocess.DEVNULL)
    try:
        eventually("it builds", lambda: processes.marked(str(own.state.directory)))
    finally:
        up.kill()
        up.wait()
    own.down()
    assert_nothing_is_left(own)


def test_a_pid_that_another_process_has_by_now_is_left_alone(own: Sandbox) -> None:
    """As after a restart of the machine: the pid file names a living process that is none of ours."""
    bystander = subprocess.Popen(["sleep", "600"])
    try:
        own.state.create()
        process = processes.of_pid(bystander.pid)
        assert process is not None
        (own.state.pids / "etcd.pid").write_text(f"{process.pid} {process.start_time - 1}\n")
        assert pids(own)["etcd"] is None
        own.down()
        assert bystander.poll() is None
        assert processes.Process(process.pid, process.start_time).running
        processes.Process(process.pid, process.start_time - 1).send(signal.SIGKILL)
        assert bystander.poll() is None, "nor is it sent a signal"
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.sampled("sandboxes of their own")
def test_ports_that_others_took_are_given_up(own: Sandbox) -> None:
    own.up()
    taken = own.state.read_ports()
    processes.kill_marked(str(own.state.directory))
    with _listening(taken["kube-apiserver"]):
        own.up()
    assert own.state.read_ports()["kube-apiserver"] != taken["kube-apiserver"]
    assert core_api(own).list_namespace().items


def _listening(port: int) -> socket.socket:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen()
    return server


def test_a_component_that_cannot_start_is_named_with_the_end_of_its_log(own: Sandbox, tmp_path: Path) -> None:
    """A broken etcd out of a cache of the test's own."""
    real, broken = Cache(default_directory()), Cache(tmp_path)
    for program in PROGRAMS:
        broken.path(program).parent.mkdir(parents=True)
        broken.path(program).symlink_to(real.path(program))
    broken.path(ETCD).unlink()
    broken.path(ETCD).write_text("#!/bin/sh\necho the disk is full\nexit 1\n")
    broken.path(ETCD).chmod(0o755)
    with pytest.raises(SandboxError, match=r"etcd exited while starting(?s:.*)the disk is full"):
        Sandbox(own.name, cache=tmp_path).up()


def test_before_up_commands_say_what_to_do(own: Sandbox) -> None:
    answer = cli("env", "--name", own.name, check=False)
    assert answer.returncode == 1
    assert answer.stderr == f"sandbox: the sandbox '{own.name}' is not running: run `sandbox up --name {own.name}`\n"
    assert cli("status", "--name", own.name, check=False).returncode == 1
    assert not own.state.directory.exists()


@pytest.mark.parametrize("name", ["", "Default", "../x", "a b", "-a", "a" * 41])
def test_names_that_are_no_directory_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no name for a sandbox"):
        State.of(name)


def test_the_state_is_where_xdg_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert State.of("x").directory == tmp_path / "trail-operator" / "sandbox" / "x"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert State.of("x").directory == tmp_path / ".local/state/trail-operator/sandbox/x"


def test_kubeconfigs_hold_all_that_is_needed(sandbox: Sandbox) -> None:
    content = json.loads(sandbox.kubeconfig.read_text())
    assert content["clusters"][0]["cluster"]["server"] == sandbox.kubernetes_endpoint
    assert content["clusters"][0]["cluster"]["certificate-authority-data"]
