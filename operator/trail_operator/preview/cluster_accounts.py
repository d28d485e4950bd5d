"""The AWSAccounts of the kubeconfig's cluster, for commands that work without a cluster, too."""

from collections.abc import Mapping
from dataclasses import dataclass

from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.config import ConfigException
from pydantic import ValidationError

from trail_operator.api.aws_account import AWSAccountSpec
from trail_operator.aws.connection_errors import explain_connection_error
from trail_operator.kube.answers import NO_ANSWER
from trail_operator.kube.client import AWS_ACCOUNTS, ApiConnection, KubeClient
from trail_operator.kube.route import RouteError


@dataclass(frozen=True)
class ClusterAccounts:
    """The valid AWSAccounts by name. `problem`: why they were not read, else an empty text."""

    specs: Mapping[str, AWSAccountSpec]
    problem: str = ""


async def cluster_accounts(labels: Mapping[str, str]) -> ClusterAccounts:
    """Read the AWSAccounts with these labels."""
    try:
        connection = await ApiConnection.open()
    except (ConfigException, RouteError, OSError) as error:
        return ClusterAccounts({}, f"there is no access to a cluster ({' '.join(str(error).split())})")
    try:
        bodies = await KubeClient(connection, "", lambda: None).list_objects(AWS_ACCOUNTS)
    except ApiException as error:
        return ClusterAccounts({}, f"the API server answers {error.status} {error.reason}")
    except NO_ANSWER as error:
        why = explain_connection_error(error, "the certificate-authority of the kubeconfig") or str(error)
        return ClusterAccounts({}, f"the API server does not answer ({why or type(error).__name__})")
    finally:
        await connection.close()
    specs: dict[str, AWSAccountSpec] = {}
    for body in sorted(bodies, key=lambda one: str(one["metadata"]["name"])):
        if labels.items() <= (body["metadata"].get("labels") or {}).items():
            try:
                specs[str(body["metadata"]["name"])] = AWSAccountSpec.model_validate(body.get("spec"))
            except ValidationError:
                continue  # the operator reports it in its status
    return ClusterAccounts(specs)
