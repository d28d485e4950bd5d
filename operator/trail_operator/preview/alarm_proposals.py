"""Proposes TrailAlarmSets for the metric filters that trails have already. They are comments, as both would notify."""

from collections.abc import Iterable, Mapping
from typing import Any

from trail_operator.api.constants import ALARM_SET_API_VERSION, ALARM_SET_KIND
from trail_operator.domain.alarms.log_group import trail_log_group
from trail_operator.domain.alarms.proposal import Proposal, propose
from trail_operator.domain.arns import Arn, Location
from trail_operator.domain.export import FoundTrail
from trail_operator.domain.failure import Failure, FailureError
from trail_operator.domain.texts import listed
from trail_operator.inventory.account_client import AccountClient
from trail_operator.preview.access import explain
from trail_operator.preview.yaml_output import commented

_MOST_NAMES = 50


async def alarm_proposals(
    found: Iterable[FoundTrail], clients: Mapping[str, AccountClient], metadata: Mapping[str, Mapping[str, str]]
) -> tuple[str, tuple[str, ...]]:
    """Return the commented manifests, and what could not be read.

    `clients`: that of each account. `metadata`: that of each exported manifest, by the ARN of its trail.
    """
    texts, unread = [], []
    for trail in found:
        observed = trail.observed
        location = Location(Arn.parse(observed.arn).partition, trail.account, observed.home_region)
        log_group = trail_log_group(Arn.parse(observed.arn).name, observed, location)
        if observed.arn not in metadata or isinstance(log_group, Failure):
            continue
        client, named = clients[trail.account], metadata[observed.arn]
        try:
            filters = await client.filters.observe(log_group, "", observed.home_region)
            alarms = await client.alarms.observe("", observed.home_region) if filters else {}
        except FailureError as error:
            unread.append(f"The metric filters of log group {log_group} were not read: {explain(error)}")
            continue
        texts.append(_text(log_group, propose(named["name"], filters, alarms.values()), named))
    return "".join(texts), tuple(unread)


def _text(log_group: str, proposal: Proposal, trail: Mapping[str, str]) -> str:
    remarks = [*proposal.remarks]
    body: dict[str, Any] | None = None
    if proposal.spec is not None:
        names = listed(proposal.doubled, _MOST_NAMES)
        remarks = [
            f"A TrailAlarmSet that counts what the metric filters on log group {log_group} count. It takes none of "
            "them over: while both exist, both notify",
            f"Apply it without the #, then delete these filters and their alarms: {names}",
            *remarks,
        ]
        body = {
            "apiVersion": ALARM_SET_API_VERSION,
            "kind": ALARM_SET_KIND,
            "metadata": dict(trail),
            "spec": proposal.spec,
        }
    return commented(body, remarks)
