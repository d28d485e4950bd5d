"""The command lines of etcd, kube-apiserver and kube-controller-manager.

Everything listens on loopback. Durability is given up for speed, since a sandbox is thrown away; authentication,
authorization and admission are Kubernetes' own, since they are what is tested.
"""

from pathlib import Path

from trail_sandbox.kubernetes.pki import KUBELET_CLIENT, Pki
from trail_sandbox.ports import LOOPBACK

_CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "deployment-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "replicaset-controller",
    "disruption-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
)


def etcd(program: Path, data: Path, port: int) -> list[str]:
    """A single member."""
    url = f"http://{LOOPBACK}:{port}"
    return [
        str(program),
        f"--data-dir={data}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        # No peer will ever come: port 0 is whatever the kernel gives.
        f"--listen-peer-urls=http://{LOOPBACK}:0",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def kube_apiserver(program: Path, pki: Pki, port: int, etcd_port: int) -> list[str]:
    """The API server, with RBAC."""
    kubelet_client = pki.client(KUBELET_CLIENT)
    return [
        str(program),
        f"--etcd-servers=http://{LOOPBACK}:{etcd_port}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        f"--advertise-address={LOOPBACK}",
        # The `kubernetes` Service can't have a loopback endpoint, and no Pod would look for it.
        "--endpoint-reconciler-type=none",
        "--authorization-mode=RBAC",
        f"--client-ca-file={pki.authority.certificate}",
        f"--tls-cert-file={pki.server.certificate}",
        f"--tls-private-key-file={pki.server.key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki.service_accounts.certificate}",
        f"--service-account-signing-key-file={pki.service_accounts.key}",
        f"--kubelet-certificate-authority={pki.authority.certificate}",
        f"--kubelet-client-certificate={kubelet_client.certificate}",
        f"--kubelet-client-key={kubelet_client.key}",
        "--service-cluster-ip-range=10.96.0.0/24",
        "--allow-privileged=true",
        "--profiling=false",
    ]


def kube_controller_manager(program: Path, pki: Pki, kubeconfig: Path, port: int) -> list[str]:
    """The controllers without which namespaces never end, cascades hang and Deployments stay empty."""
    return [
        str(program),
        f"--kubeconfig={kubeconfig}",
        f"--controllers={','.join(_CONTROLLERS)}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        f"--tls-cert-file={pki.server.certificate}",
        f"--tls-private-key-file={pki.server.key}",
        f"--root-ca-file={pki.authority.certificate}",
        f"--service-account-private-key-file={pki.service_accounts.key}",
        # Each controller acts under its own name and RBAC, as in clusters that tools like kubeadm make.
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--profiling=false",
    ]
