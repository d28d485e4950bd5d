"""Finds the settings of the operator: those that flags and variables give, else those that it publishes."""

from collections.abc import Mapping

from pydantic import ValidationError

from trail_operator.preview.cluster import ClusterError, ClusterReader
from trail_operator.preview.operator_settings import OperatorSettings
from trail_operator.settings import Settings, read_published


async def find_settings(
    given: Settings, cluster: ClusterReader | None, namespace: str
) -> tuple[OperatorSettings, list[str]]:
    """Return the settings, and why published ones were not read. `namespace`: the operator's."""
    published: Mapping[str, object] = {}
    source, notes = "", []
    if cluster:
        try:
            published = read_published(await cluster.published_settings(namespace))
            source = f"published in namespace {namespace}"
        except ClusterError as error:
            notes.append(f"The operator's settings were not read: {error}")
        except ValidationError:
            notes.append(f"The settings published in namespace {namespace} are invalid")
    return OperatorSettings.resolve(given, published, source), notes
