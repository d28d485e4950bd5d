"""A real Argo CD: its application controller and repo server as processes beside the sandbox, with redis and git."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config

from tests.patience import eventually
from trail_sandbox.binaries.build import find_go
from trail_sandbox.binaries.cache import Cache, default_directory
from trail_sandbox.binaries.programs import ARGOCD
from trail_sandbox.sandbox import Sandbox

NAMESPACE = "argocd"
GROUP, VERSION = "argoproj.io", "v1alpha1"
IN_CLUSTER = "https://kubernetes.default.svc"
_LABELS = {"app.kubernetes.io/part-of": "argocd"}
Object = dict[str, Any]


def program() -> Path:
    """Argo CD's one program, whose face depends on ARGOCD_BINARY_NAME."""
    return Cache(default_directory()).obtain(ARGOCD)


def definitions() -> Path:
    """Argo CD's CustomResourceDefinitions, of the version that is run."""
    directory = default_directory()
    answer = subprocess.run(
        [find_go(directory, os.environ), "mod", "download", "-json", "github.com/argoproj/argo-cd/v3"],
        cwd=ARGOCD.module,
        env={**os.environ, "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"},
        check=True,
        capture_output=True,
    ).stdout
    return Path(json.loads(answer)["Dir"]) / "manifests" / "crds"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Repository:
    """A git repository, and what is committed to it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True)
        self._git("init", "--quiet", "--initial-branch=main")

    @property
    def url(self) -> str:
        """Where Argo CD finds it."""
        return f"file://{self.directory}"

    def commit(self, message: str, files: Mapping[str, Object | str | None]) -> None:
        """Write files (None: remove) and commit them."""
        for name, content in files.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        self._commit(message)

    def copy(self, message: str, source: Path, name: str) -> None:
        """Commit a copy of a directory."""
        shutil.copytree(source, self.directory / name)
        self._commit(message)

    def revert(self) -> None:
        """Take the last commit back."""
        self._git("revert", "--no-edit", "HEAD")

    def _commit(self, message: str) -> None:
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", message)

    def _git(self, *arguments: str) -> None:
        identity = [f"--config-env={name}=GIT_TEST_IDENTITY" for name in ("user.name", "user.email")]
        subprocess.run(
            ["git", *identity, *arguments],
            cwd=self.directory,
            env={**os.environ, "GIT_TEST_IDENTITY": "team@example.com", "GIT_CONFIG_GLOBAL": os.devnull},
            check=True,
            capture_output=True,
        )


class ArgoCD:
    """Argo CD, from start to stop."""

    def __init__(self, sandbox: Sandbox, directory: Path, settings: Object) -> None:
        self._sandbox = sandbox
        self._directory = directory
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        api = config.new_client_from_config(str(sandbox.kubeconfig))
        self._objects = client.CustomObjectsApi(api)
        self._core = client.CoreV1Api(api)
        self._settings = settings

    def start(self) -> None:
        """Bring it up."""
        for needed in ("redis-server", "git"):
            if shutil.which(needed) is None:
                pytest.fail(f"{needed} is not there: install it (Debian: apt-get install redis-server git)")
        binary = program()
        self._prepare()
        redis, repo = f"127.0.0.1:{_free_port()}", f"127.0.0.1:{_free_port()}"
        host, port = redis.rsplit(":", 1)
        self._run("redis", {}, "redis-server", "--bind", host, "--port", port, "--save", "", "--appendonly", "no")
        self._run(
            "argocd-repo-server",
            {"ARGOCD_GPG_ENABLED": "false"},
            *(str(binary), "--redis", redis, "--port", repo.rsplit(":", 1)[1], "--disable-tls"),
            *("--address", "127.0.0.1", "--metrics-address", "127.0.0.1", "--metrics-port", str(_free_port())),
        )
        self._run(
            "argocd-application-controller",
            {"ARGOCD_FAKE_IN_CLUSTER": "true"},
            *(str(binary), "--kubeconfig", str(self._sandbox.kubeconfig), "--namespace", NAMESPACE),
            *("--repo-server", repo, "--repo-server-plaintext", "--redis", redis, "--app-resync", "10"),
            *("--app-resync-jitter", "0"),
            *("--persist-resource-health", "--metrics-port", str(_free_port())),
        )

    def stop(self) -> None:
        """End its processes; print what they have logged."""
        for process in self._processes.values():
            process.terminate()
        for name, process in self._processes.items():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            print(f"--- {name}\n{(self._directory / f'{name}.log').read_text()[-6000:]}")

    def apply(self, application: Object) -> str:
        """Create an Application; its name."""
        self._objects.create_namespaced_custom_object(GROUP, VERSION, NAMESPACE, "applications", application)
        name: str = application["metadata"]["name"]
        return name

    def application(self, name: str) -> Object:
        """An Application as it is."""
        found: Object = self._objects.get_namespaced_custom_object(GROUP, VERSION, NAMESPACE, "applications", name)
        return found

    def refresh(self, name: str) -> Object:
        """Have Argo CD compare anew; the Application once it has."""
        key = "argocd.argoproj.io/refresh"
        self.change(name, {"metadata": {"annotations": {key: "normal"}}})
        eventually(
            f"{name} refreshed", lambda: key not in (self.application(name)["metadata"].get("annotations") or {}), 60
        )
        return self.application(name)

    def wait(self, name: str, sync: str, health: str, seconds: float = 90) -> Object:
        """The Application, once it is in this state."""

        def check() -> Object | None:
            body = self.refresh(name)
            status = body.get("status", {})
            state = status.get("sync", {}).get("status"), status.get("health", {}).get("status")
            is_at_rest = status.get("operationState", {}).get("phase") != "Running"
            return body if is_at_rest and state == (sync, health) else None

        try:
            result: Object = eventually(f"{name} {sync} and {health}", check, seconds)
        except AssertionError:
            print(json.dumps(self.application(name).get("status", {}), indent=1))
            raise
        return result

    def health(self, name: str, kind: str, resource: str) -> Object:
        """What Argo CD makes of one resource of an Application: status and message."""
        for entry in self.application(name).get("status", {}).get("resources", []):
            if (entry["kind"], entry["name"]) == (kind, resource):
                return dict(entry.get("health", {}))
        return {}

    def delete(self, name: str, cascade: bool = False) -> None:
        """Delete an Application; with what it has applied, and wait until that has gone, or without."""
        if cascade:
            self.change(name, {"metadata": {"finalizers": ["resources-finalizer.argocd.argoproj.io"]}})
        self._objects.delete_namespaced_custom_object(GROUP, VERSION, NAMESPACE, "applications", name)
        eventually(f"{name} gone", lambda: name not in self._names(), 120)

    def change(self, name: str, patch: Object) -> None:
        """Change an Application."""
        self._objects.patch_namespaced_custom_object(GROUP, VERSION, NAMESPACE, "applications", name, patch)

    def configure(self, name: str, value: str | None) -> None:
        """Change a setting of argocd-cm; None takes it away."""
        self._core.patch_namespaced_config_map("argocd-cm", NAMESPACE, {"data": {name: value}})

    def _names(self) -> set[str]:
        found = self._objects.list_namespaced_custom_object(GROUP, VERSION, NAMESPACE, "applications")["items"]
        return {entry["metadata"]["name"] for entry in found}

    def _prepare(self) -> None:
        subprocess.run(
            ["kubectl", "apply", "--server-side", *(f"--filename={path}" for path in definitions().glob("*-crd.yaml"))],
            env={**os.environ, **self._sandbox.environment()},
            check=True,
            capture_output=True,
        )
        self._core.create_namespace({"metadata": {"name": NAMESPACE}})
        self._config_map("argocd-cm", {**self._settings["data"], "timeout.reconciliation": "10s"})
        self._config_map("argocd-rbac-cm", {})
        secret = {"metadata": {"name": "argocd-secret", "labels": _LABELS}}
        self._core.create_namespaced_secret(NAMESPACE, {**secret, "stringData": {"server.secretkey": "only here"}})
        project = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "AppProject",
            "metadata": {"name": "default"},
            "spec": {
                "sourceRepos": ["*"],
                "destinations": [{"server": "*", "namespace": "*"}],
                "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
            },
        }
        eventually("Argo CD's definitions are established", lambda: self._takes(project), 30)
        home = self._directory / "home"
        (home / ".kube").mkdir(parents=True)
        shutil.copy(self._sandbox.kubeconfig, home / ".kube" / "config")
        (home / ".gitconfig").write_text("[safe]\n\tdirectory = *\n")

    def _takes(self, project: Object) -> bool:
        try:
            self._objects.create_namespaced_custom_object(GROUP, VERSION, NAMESPACE, "appprojects", project)
        except client.ApiException as error:
            if error.status == 404:
                return False
            raise
        return True

    def _config_map(self, name: str, data: Object) -> None:
        body = {"metadata": {"name": name, "labels": _LABELS}, "data": data}
        self._core.create_namespaced_config_map(NAMESPACE, body)

    def _run(self, name: str, environment: dict[str, str], *command: str) -> None:
        home = self._directory / "home"
        with (self._directory / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                command,
                cwd=self._directory,
                env={
                    **os.environ,
                    **self._sandbox.environment(),
                    "HOME": str(home),
                    "TMPDIR": str(self._directory),
                    "ARGOCD_BINARY_NAME": name,
                    **environment,
                },
                stdout=log,
                stderr=log,
            )
