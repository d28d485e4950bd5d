"""The operator's identity as the chart makes it: a ServiceAccount that may do what its role says, and no more."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client

from trail_sandbox.kubernetes import kubeconfig
from trail_sandbox.sandbox import Sandbox

CHART = Path(__file__).parents[2] / "charts" / "trail-operator"
_TEMPLATES = ("serviceaccount", "rbac")
_HOURS = 6


class ServiceAccount:
    """A release of the chart without the operator: what it may do, with a token for whoever is to run as it."""

    def __init__(self, sandbox: Sandbox, api: client.ApiClient, name: str, directory: Path) -> None:
        self._rbac = client.RbacAuthorizationV1Api(api)
        self.name = name
        done = subprocess.run(
            [
                *("helm", "template", name, str(CHART), "--namespace", name),
                *(f"--set=fullnameOverride={name}", "--set=rbac.aggregate=false"),
                *(f"--show-only=templates/{part}.yaml" for part in _TEMPLATES),
            ],
            env={**os.environ, **sandbox.environment()},
            capture_output=True,
            text=True,
            check=True,
        )
        made = {body["kind"]: body for body in yaml.safe_load_all(done.stdout)}
        core = client.CoreV1Api(api)
        core.create_namespace({"metadata": {"name": name}})
        core.create_namespaced_service_account(name, made["ServiceAccount"])
        self._rbac.create_cluster_role(made["ClusterRole"])
        self._rbac.create_cluster_role_binding(made["ClusterRoleBinding"])
        self._rbac.create_namespaced_role(name, made["Role"])  # the Lease's
        self._rbac.create_namespaced_role_binding(name, made["RoleBinding"])
        self.rules: list[dict[str, Any]] = made["ClusterRole"]["rules"]
        self.lease_rules: list[dict[str, Any]] = made["Role"]["rules"]
        request = {"spec": {"expirationSeconds": _HOURS * 3600}}
        token = core.create_namespaced_service_account_token(name, name, request).status.token
        self.kubeconfig = directory / f"{name}.kubeconfig"
        (directory / f"{name}.token").write_text(token)
        cluster = kubeconfig.read(sandbox.kubeconfig)["clusters"][0]["cluster"]
        content = kubeconfig.for_token(
            cluster["server"],
            cluster["certificate-authority-data"],
            f"system:serviceaccount:{name}:{name}",
            token,
            directory / f"{name}.token",
            name,
        )
        kubeconfig.write(self.kubeconfig, content)

    @property
    def environment(self) -> dict[str, str]:
        """What makes a program act as it."""
        return {"KUBECONFIG": str(self.kubeconfig)}

    def grant(self, rules: list[dict[str, Any]]) -> None:
        """Have the role say this instead."""
        patch = [{"op": "replace", "path": "/rules", "value": json.loads(json.dumps(rules))}]
        self._rbac.patch_cluster_role(self.name, patch)

    def grant_lease(self, rules: list[dict[str, Any]]) -> None:
        """Have the Lease's role say this instead."""
        patch = [{"op": "replace", "path": "/rules", "value": json.loads(json.dumps(rules))}]
        self._rbac.patch_namespaced_role(f"{self.name}-lease", self.name, patch)
