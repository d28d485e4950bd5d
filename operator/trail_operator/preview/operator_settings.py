"""The settings of the operator whose plan is shown: given by flags and variables, or published by the operator."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trail_operator.domain.ownership import Cluster
from trail_operator.settings import PLANNING, Settings

_OPTIONAL = ("cluster_name", "region", "default_account")
_UNKNOWN_CLUSTER = "<unknown>"
"""No cluster can have this name."""


@dataclass(frozen=True)
class OperatorSettings:
    """The settings that a plan depends on."""

    values: Settings
    """With the default of each setting that is unknown."""
    unknown: frozenset[str]
    """Names of settings that were neither given nor published."""
    source: str = ""
    """Where published settings were read, for users; empty if nowhere."""

    @classmethod
    def resolve(cls, given: Settings, published: Mapping[str, Any], source: str = "") -> "OperatorSettings":
        """Combine settings. `given`: from flags and variables, which win; `published`: by name of the setting."""
        values = {name: getattr(given, name) for name in PLANNING if name in given.model_fields_set}
        values = {**published, **values}
        unknown = frozenset(PLANNING) - values.keys()
        values = {name: value or None if name in _OPTIONAL else value for name, value in values.items()}
        return cls(Settings.model_construct(**(_defaults() | values)), unknown, source)

    @property
    def cluster(self) -> Cluster:
        """The names of the cluster in owner tags. An unknown one is in no tag."""
        return Cluster(self.values.cluster_name or _UNKNOWN_CLUSTER, frozenset(self.values.former_cluster_names))


def _defaults() -> dict[str, Any]:
    return {name: field.get_default(call_default_factory=True) for name, field in Settings.model_fields.items()}
