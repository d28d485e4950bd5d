"""What a call needs its caller to be allowed: actions on resources, with the condition keys that the call itself gives.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trail_sandbox.aws.events import Caller
from trail_sandbox.aws.models import Operation

Keys = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class Need:
    """One action on one resource."""

    action: str
    resource: str = "*"
    keys: Keys = field(default_factory=dict)


@dataclass(frozen=True)
class Ask:
    """A call as far as its needs depend on it."""

    service: str
    operation: Operation
    caller: Caller
    region: str

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The call's parameters by the names of the service model."""
        return self.operation.parameters

    def text(self, name: str) -> str:
        """A parameter as text, empty where it is not given."""
        value = self.parameters.get(name)
        return value if isinstance(value, str) else ""

    def arn(
        self, resource: str, *, region: str | None = None, service: str | None = None, account: str | None = None
    ) -> str:
        """An ARN in the call's region, and in the caller's account unless another is named."""
        where, whose = self.region if region is None else region, account or self.caller.account
        return f"arn:{self.caller.partition}:{service or self.service}:{where}:{whose}:{resource}"


def tag_keys(parameters: Mapping[str, Any]) -> dict[str, str | Sequence[str]]:
    """The keys for tags that a call brings or, by their keys alone, takes away."""
    names = ("TagsList", "Tags", "tags", "TagKeys", "tagKeys")
    tags = _pairs(next((parameters[name] for name in names if parameters.get(name)), ()))
    if not tags:
        return {}
    given = {f"aws:RequestTag/{key}": value for key, value in tags.items() if value is not None}
    return {**given, "aws:TagKeys": list(tags)}


def _pairs(tags: Any) -> dict[str, str | None]:
    """Read tags as each of the services spells them; of bare keys there are no values."""
    if isinstance(tags, Mapping):
        return {str(key): str(value) for key, value in tags.items()}
    found: dict[str, str | None] = {}
    for tag in tags if isinstance(tags, list | tuple) else ():
        if isinstance(tag, Mapping):
            found[str(tag.get("Key", tag.get("TagKey", "")))] = str(tag.get("Value", tag.get("TagValue")) or "")
        else:
            found[str(tag)] = None
    return found
