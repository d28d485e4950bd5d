"""What CloudTrail's calls need.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudtrail.html
"""

from collections.abc import Iterator

from trail_sandbox.aws.access.needs import Ask, Keys, Need, tag_keys
from trail_sandbox.aws.trails import TrailStore

# Where each call names its trail. The other calls are about all trails or none: their resource is `*`.
_NAMES = {
    **dict.fromkeys(("CreateTrail", "UpdateTrail", "DeleteTrail", "GetTrail", "GetTrailStatus"), "Name"),
    **dict.fromkeys(("StartLogging", "StopLogging"), "Name"),
    **dict.fromkeys(("GetEventSelectors", "PutEventSelectors", "GetInsightSelectors"), "TrailName"),
    **dict.fromkeys(("PutInsightSelectors", "GetEventConfiguration", "PutEventConfiguration"), "TrailName"),
    **dict.fromkeys(("AddTags", "RemoveTags"), "ResourceId"),
    "ListTags": "ResourceIdList",
    "ListInsightsData": "InsightSource",
}
_TAGGING = ("CreateTrail", "AddTags", "RemoveTags")
_ROLE = "CloudWatchLogsRoleArn"


def trail_needs(ask: Ask, trails: TrailStore) -> Iterator[Need]:
    """Give the trails that a call names, AddTags for tags given at once, and PassRole for the log role.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/security_iam_troubleshoot.html (iam:PassRole)
    """
    name = ask.operation.name
    action = f"cloudtrail:{name}"
    tags = tag_keys(ask.parameters) if name in _TAGGING else {}
    for resource in _resources(ask):
        yield Need(action, resource, {**tags, **_tags_of(trails, resource)})
        if name == "CreateTrail" and tags:
            yield Need("cloudtrail:AddTags", resource, tags)
        if name in ("CreateTrail", "UpdateTrail") and ask.text(_ROLE):
            keys = {"iam:PassedToService": "cloudtrail.amazonaws.com", "iam:AssociatedResourceArn": resource}
            yield Need("iam:PassRole", ask.text(_ROLE), keys)


def _resources(ask: Ask) -> list[str]:
    given = ask.parameters.get(_NAMES.get(ask.operation.name, ""))
    names = [one for one in (given if isinstance(given, list) else [given]) if isinstance(one, str)]
    return [name if name.startswith("arn:") else ask.arn(f"trail/{name}") for name in names] or ["*"]


def _tags_of(trails: TrailStore, resource: str) -> Keys:
    trail = trails.get(resource)
    return {f"aws:ResourceTag/{key}": value or "" for key, value in trail.tags} if trail else {}
