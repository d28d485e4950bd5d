"""The condition keys of a call that do not depend on what it asks for.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from collections.abc import Mapping

from trail_sandbox.aws.access.needs import Keys
from trail_sandbox.aws.arrival import Arrival
from trail_sandbox.aws.events import Caller
from trail_sandbox.aws.identity import session_of
from trail_sandbox.aws.regions import main_region
from trail_sandbox.aws.world import World

# Their one endpoint is in the main region, wherever the caller is.
_GLOBAL = frozenset({"iam", "organizations"})


def global_keys(world: World, caller: Caller, arrival: Arrival, principal_tags: Mapping[str, str]) -> Keys:
    """Return the condition keys of the caller and of the connection; the caller of this adds those of the principal."""
    time, region = arrival.time, arrival.scope.region
    keys: dict[str, str] = {
        "aws:userid": caller.principal_id,
        "aws:CurrentTime": time.isoformat(),
        "aws:EpochTime": str(int(time.timestamp())),
        "aws:RequestedRegion": main_region(region) if arrival.scope.service in _GLOBAL else region,
        "aws:SourceIp": arrival.request.source_ip,
        "aws:UserAgent": arrival.request.headers.get("user-agent", ""),
        "aws:ViaAWSService": "false",
        **{f"aws:PrincipalTag/{key}": value for key, value in principal_tags.items()},
    }
    if caller.role_arn:
        keys |= {"aws:PrincipalArn": caller.role_arn, "aws:MultiFactorAuthPresent": "false"}
        session = session_of(caller)
        if session and session.source_identity:
            keys["aws:SourceIdentity"] = session.source_identity
    elif not caller.is_root:
        keys["aws:username"] = caller.arn.rpartition("/")[2]
    organization = world.organization(caller.account)
    if organization:
        path = organization.path_of(caller.account)
        keys |= {"aws:PrincipalOrgID": organization.id, "aws:PrincipalOrgPaths": path}
    return keys
