"""The settings of `trail-operator run`: each a flag, an environment variable `TRAIL_OPERATOR_*` and a chart value."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from trail_operator.api.constants import CLUSTER_NAME_LENGTH, CLUSTER_NAME_PATTERN
from trail_operator.domain.queue_address import QueueAddress

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
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError("write names as a,b or as a JSON list") from None
    return [name.strip() for name in value.split(",") if name.strip()]


def _labels(value: str) -> str:
    if not re.fullmatch(r"([\w./-]+=[\w.-]*(,[\w./-]+=[\w.-]*)*)?", value, re.ASCII):
        raise ValueError("write labels as key=value,key=value; no other selector syntax is supported")
    return value


def _queue(value: str) -> str:
    if value:
        QueueAddress.parse(value)
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
# In a variable: names separated by commas, or a JSON list.
Names = Annotated[list[str], NoDecode, BeforeValidator(_names)]
ClusterName = Annotated[str, StringConstraints(max_length=CLUSTER_NAME_LENGTH, pattern=CLUSTER_NAME_PATTERN)]

PLANNING = (
    *("namespace", "cluster_name", "former_cluster_names", "region", "default_account", "account_selector"),
    *("own_identity", "allowed_adoption", "allowed_action_arns", "default_deletion_policy", "ignore_tags"),
)
"""The settings that decide what is written to trails and alarms."""


class Settings(BaseSettings):
    """Flags win over environment variables."""

    model_config = SettingsConfigDict(env_prefix="TRAIL_OPERATOR_", frozen=True, extra="ignore")

    namespace: Annotated[
        Names, Field(description="Watch only this namespace; can be repeated. Default: all namespaces.")
    ] = []
    cluster_name: Annotated[
        ClusterName | None,
        Field(
            description=(
                "Name of the cluster in the owner tag of trails; keep it when the cluster is rebuilt. Required if the "
                "operator may not read the namespace kube-system. Default: the UID of that namespace."
            ),
        ),
    ] = None
    former_cluster_names: Annotated[
        list[ClusterName],
        NoDecode,
        BeforeValidator(_names),
        Field(
            description=(
                "A former name of the cluster, or the UID of kube-system of a cluster that this one replaces; can be "
                "repeated. Trails with such an owner tag belong to this cluster, and the operator rewrites the tag. "
                "The current UID of kube-system is always recognized."
            ),
        ),
    ] = []
    region: Annotated[
        str | None,
        Field(
            description=(
                "Home region of Trails without spec.region. Default: the region of the AWS environment (AWS_REGION)."
            )
        ),
    ] = None
    default_account: Annotated[
        str | None,
        Field(description="AWSAccount of Trails without spec.accountRef. Default: the operator's own identity."),
    ] = None
    account_selector: Annotated[
        str,
        AfterValidator(_labels),
        Field(
            description=(
                "Use only AWSAccounts with these labels, as key=value,key=value, to share the accounts of a cluster "
                "among several operators. Default: all."
            ),
        ),
    ] = ""
    own_identity: Annotated[
        bool,
        Field(
            description=(
                "Let Trails without an AWSAccount use the operator's own identity. If false, spec.accountRef or "
                "--default-account is required, so allowedNamespaces cannot be bypassed."
            )
        ),
    ] = True
    allowed_adoption: Annotated[
        Literal["Never", "IfUnowned", "Always"],
        Field(
            description=(
                "Which existing trails may be adopted with the operator's own identity, if the Trail's adoptionPolicy "
                "asks for it: none, those without an owner tag, or those of any owner. AWSAccounts have a field of "
                "this name."
            )
        ),
    ] = "Never"
    allowed_action_arns: Annotated[
        Names,
        Field(
            description=(
                "ARN of an SNS topic that alarms may notify with the operator's own identity (with * and ?); can be "
                "repeated. AWSAccounts have the field allowedActionARNs. Default: none."
            )
        ),
    ] = []
    resync: Annotated[
        Duration,
        Field(
            gt=timedelta(0), description="How often each trail is compared with AWS, ±20 %; such as 30s, 10m or 1h30m."
        ),
    ] = timedelta(minutes=10)
    event_queue: Annotated[
        str,
        AfterValidator(_queue),
        Field(
            description=(
                "Name, URL or ARN of the SQS queue with events of CloudTrail, by which changes in AWS are found within "
                "seconds. A name is that of a queue in the operator's own region and account. Default: none."
            )
        ),
    ] = ""
    dependency_resync: Annotated[
        Duration,
        Field(
            gt=timedelta(0),
            description=(
                "How often the state and policies of bucket, key, topic, log group and role are evaluated if nothing "
                "else gives cause; up to 20 % later."
            ),
        ),
    ] = timedelta(hours=1)
    default_deletion_policy: Annotated[
        Literal["Delete", "Retain"],
        Field(description="What happens to the trail in AWS when a Trail without spec.deletionPolicy is deleted."),
    ] = "Delete"
    drift_attribution: Annotated[
        Literal["None", "Principal", "Full"],
        Field(
            description=(
                "What Events and status.lastDrift show of who caused a drift: nothing, the principal, or also its "
                "address and user agent."
            )
        ),
    ] = "Principal"
    ignore_tags: Annotated[
        Names, Field(description="Ignore tags whose keys match this pattern (with * and ?); can be repeated.")
    ] = []
    leader_election: Annotated[
        bool,
        Field(
            description="Work only while holding a Lease, so that one of several replicas works. The chart enables it."
        ),
    ] = False
    lease_name: Annotated[str, Field(min_length=1, description="Name of the Lease.")] = "trail-operator"
    lease_namespace: Annotated[
        str,
        Field(description="Namespace of the Lease; required with --leader-election. The chart uses the release's."),
    ] = ""
    log_format: Annotated[Literal["json", "text"], Field(description="Format of log lines.")] = "text"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Field(description="Minimum log level.")] = "info"
    health_host: Annotated[
        str, Field(description="Address that serves GET /healthz (liveness), GET /readyz (readiness) and GET /metrics.")
    ] = "127.0.0.1"
    health_port: Annotated[
        int, Field(ge=0, le=65535, description="Port of the health endpoints and /metrics; 0 picks a free one.")
    ] = 8080

    @model_validator(mode="after")
    def _lease_has_a_namespace(self) -> Self:
        if self.leader_election and not self.lease_namespace:
            raise ValueError("--leader-election needs --lease-namespace, the namespace of the Lease")
        return self

    @model_validator(mode="after")
    def _current_name_is_not_former(self) -> Self:
        if self.cluster_name in self.former_cluster_names:
            raise ValueError(current_and_former(f"--cluster-name {self.cluster_name}"))
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


def published_texts(settings: Settings, **effective: Any) -> dict[str, str]:
    """Return the settings that decide what is written to trails, by their flags. `effective`: values in their place."""
    values = {name: effective.get(name, getattr(settings, name)) for name in PLANNING}
    return {flag(name).removeprefix("--"): _published(value) for name, value in values.items()}


def read_published(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that were published, by name. Raises ValidationError."""
    given = {name: texts[key] for name in PLANNING if (key := flag(name).removeprefix("--")) in texts}
    unset = {name for name, text in given.items() if not text and Settings.model_fields[name].default is None}
    parsed = Settings(**{name: text for name, text in given.items() if name not in unset})  # type: ignore[arg-type]
    return {name: None if name in unset else getattr(parsed, name) for name in given}


def _published(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def current_and_former(current: str) -> str:
    """Return the error for a name that is both the current and a former name of the cluster."""
    return f"{current} is also listed in --former-cluster-names: remove it there, or set another --cluster-name"
