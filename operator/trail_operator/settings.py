"""Every setting of `trail-operator run`: a flag, an environment variable `TRAIL_OPERATOR_*` and a chart value each."""

import json
import re
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from trail_operator.api.constants import CLUSTER_NAME_LENGTH, CLUSTER_NAME_PATTERN

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}


def _duration(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"(\d+(\.\d+)?[smh])+", value):
        raise ValueError("write a duration as 30s, 10m, 1h or 1h30m")
    return sum(
        (timedelta(**{_UNITS[unit]: float(number)}) for number, _, unit in re.findall(r"(\d+(\.\d+)?)([smh])", value)),
        timedelta(),
    )


def _names(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value.startswith("["):
        return json.loads(value)
    return [name.strip() for name in value.split(",") if name.strip()]


def _labels(value: str) -> str:
    if not re.fullmatch(r"([\w./-]+=[\w.-]*(,[\w./-]+=[\w.-]*)*)?", value):
        raise ValueError("write labels as key=value,key=value; no other selector syntax is supported")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
# In a variable: names with commas between them, or a JSON list.
Names = Annotated[list[str], NoDecode, BeforeValidator(_names)]
ClusterName = Annotated[str, StringConstraints(max_length=CLUSTER_NAME_LENGTH, pattern=CLUSTER_NAME_PATTERN)]


class Settings(BaseSettings):
    """Keep AWS CloudTrail trails as the Trail resources of the cluster say."""

    model_config = SettingsConfigDict(env_prefix="TRAIL_OPERATOR_", frozen=True, extra="ignore")

    namespace: Annotated[
        Names,
        Field(description="Watch this namespace only; may be given several times. Default: all namespaces."),
    ] = []
    cluster_name: Annotated[
        ClusterName | None,
        Field(
            description=(
                "The cluster's name in the owner tag of trails; keep it when the cluster is rebuilt. Default: the "
                "UID of the namespace kube-system. Needed where the operator may not read that namespace."
            ),
        ),
    ] = None
    former_cluster_names: Annotated[
        list[ClusterName],
        NoDecode,
        BeforeValidator(_names),
        Field(
            description=(
                "A name that the cluster had before, or the UID of kube-system of the cluster that it replaces; may be "
                "given several times. Trails with such a name in their owner tag are this cluster's: the tag is "
                "rewritten. The present UID of kube-system is always recognized."
            ),
        ),
    ] = []
    region: Annotated[
        str | None,
        Field(description="Home region of Trails that name none. Default: that of the AWS environment (AWS_REGION)."),
    ] = None
    default_account: Annotated[
        str | None,
        Field(description="The AWSAccount of Trails that name none. Default: the operator's own identity."),
    ] = None
    account_selector: Annotated[
        str,
        AfterValidator(_labels),
        Field(
            description=(
                "Use only AWSAccounts that have these labels, written as key=value,key=value: so several operators "
                "share a cluster's accounts out. Default: all."
            ),
        ),
    ] = ""
    own_identity: Annotated[
        bool,
        Field(
            description=(
                "Whether Trails without AWSAccount use the operator's own identity; false makes spec.accountRef or a "
                "default account compulsory, so that nobody gets round allowedNamespaces."
            )
        ),
    ] = True
    allowed_adoption: Annotated[
        Literal["Never", "IfUnowned", "Always"],
        Field(
            description=(
                "Which existing trails Trails of the operator's own identity may take over where their adoptionPolicy "
                "says so: none, those without an owner tag, or also those of other owners. AWSAccounts have a field of "
                "this name."
            )
        ),
    ] = "Never"
    resync: Annotated[
        Duration,
        Field(
            gt=timedelta(0),
            description="How often each trail is compared with AWS, ±20 %. Written as 30s, 10m, 1h.",
        ),
    ] = timedelta(minutes=10)
    default_deletion_policy: Annotated[
        Literal["Delete", "Retain"],
        Field(description="What becomes of the trail in AWS when a Trail without spec.deletionPolicy is deleted."),
    ] = "Delete"
    ignore_tags: Annotated[
        Names,
        Field(description="Leave tags alone whose keys match this pattern (with * and ?); may be given several times."),
    ] = []
    leader_election: Annotated[
        bool,
        Field(
            description=(
                "Work only while holding a Lease, so that of several operators one works and the others stand by; the "
                "chart turns it on."
            )
        ),
    ] = False
    lease_name: Annotated[str, Field(min_length=1, description="The Lease's name.")] = "trail-operator"
    lease_namespace: Annotated[
        str, Field(description="The Lease's namespace; needed with leader election. The chart sets the release's.")
    ] = ""
    log_format: Annotated[
        Literal["json", "text"], Field(description="One JSON object or one line of text a log line.")
    ] = "text"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="The least important lines that are written.")
    ] = "info"
    health_host: Annotated[
        str,
        Field(description="The address of GET /healthz (liveness), GET /readyz (readiness) and GET /metrics."),
    ] = "127.0.0.1"
    health_port: Annotated[
        int, Field(ge=0, le=65535, description="The port of the health endpoints and /metrics; 0: any free port.")
    ] = 8080

    @model_validator(mode="after")
    def _lease_is_somewhere(self) -> Self:
        if self.leader_election and not self.lease_namespace:
            raise ValueError("--leader-election needs --lease-namespace, where the Lease is to be")
        return self

    @model_validator(mode="after")
    def _present_name_is_not_former(self) -> Self:
        if self.cluster_name in self.former_cluster_names:
            raise ValueError(present_and_former(f"--cluster-name {self.cluster_name}"))
        return self


def flag(name: str) -> str:
    """Return the flag of a setting."""
    return f"--{name.replace('_', '-')}"


def default_text(field: FieldInfo) -> str:
    """Return the default of a setting as its flag takes it, or an empty string."""
    default = field.default
    if isinstance(default, timedelta):
        return f"{default // timedelta(minutes=1)}m"
    if isinstance(default, bool):
        return str(default).lower()
    return str(default or "")


def present_and_former(present: str) -> str:
    """Why the operator does not run where a name is both the cluster's present name and a former one."""
    return f"{present} is also listed in --former-cluster-names: remove it there, or set another --cluster-name"
