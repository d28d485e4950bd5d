"""What a target gets: the event, a constant, a part of the event, or a text made of parts.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html
"""

import json
from collections.abc import Mapping
from typing import Any

from moto.events.utils import EventTemplateParser


def text_for(target: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """Write what a target gets of an event."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        part: Any = event
        for name in target["InputPath"].removeprefix("$").split(".")[1:]:
            part = part[name]
        return json.dumps(part)
    transformer = target.get("InputTransformer")
    if transformer is None:
        return json.dumps(event)
    return json.dumps(
        EventTemplateParser.parse(
            transformer["InputTemplate"],
            transformer.get("InputPathsMap", {}),
            dict(event) | {"ingestion-time": event["time"]},  # type: ignore[arg-type]
        )
    )
