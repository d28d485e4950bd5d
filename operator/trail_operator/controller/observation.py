"""Looking at a trail that others manage: finds it, compares it, writes nothing to AWS. managementPolicy: Observe."""

from dataclasses import replace

from trail_operator.api.names import OWNER_TAG
from trail_operator.api.trail import Difference
from trail_operator.aws.errors import AWSError, failure_of
from trail_operator.controller.subject import Subject
from trail_operator.controller.target import Target, Targets
from trail_operator.core.differences import differences
from trail_operator.core.failure import FailureError
from trail_operator.core.report import Findings, Place
from trail_operator.core.trail import ObservedTrail


class Observation:
    """Sees what a trail is. Raises FailureError where AWS does not tell."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets

    async def look(self, subject: Subject) -> Findings:
        """One look."""
        target = await self._targets.of(subject)
        observed = await self._find(subject, target)
        if observed is None:
            return Findings(subject.acting_on, known=True, observed=None, observing=True)
        desired = self._targets.desired(subject, target, observed)
        # Whose the trail is, is nothing that the spec says.
        desired = replace(desired, tags={key: value for key, value in desired.tags.items() if key != OWNER_TAG})
        drift = differences(desired, observed)
        if target.spec.region not in (None, observed.home_region):
            drift = (
                Difference(path="region", desired=str(target.spec.region), observed=observed.home_region),
                *drift,
            )
        advice = ""
        if observed.failing_destinations:
            advice = await target.access.diagnosis.delivery_advice(desired, observed)
        return Findings(
            subject.acting_on,
            known=True,
            observed=observed,
            drift=drift,
            failure=target.key_failure,
            delivery_advice=advice,
            place=Place(target.location.account, observed.home_region, observed.arn),
            observing=True,
        )

    async def _find(self, subject: Subject, target: Target) -> ObservedTrail | None:
        """The trail of that name: the account's own, else whichever has its shadow in the region."""
        known = subject.status.arn
        if known and known.endswith(f":trail/{target.name}"):
            observed = await _observe(target, known, expected=True)
            if observed:
                return observed
        observed = await _observe(target, target.arn, expected=False) if known != target.arn else None
        if observed or subject.held:  # one that has had a trail of its own takes no other's shadow for it
            return observed
        try:
            arn = await target.access.cloudtrail.home_of(target.name, target.location.region)
        except AWSError as error:
            raise FailureError(failure_of(error)) from None
        return await _observe(target, arn, expected=True) if arn and arn not in (known, target.arn) else None


async def _observe(target: Target, arn: str, *, expected: bool) -> ObservedTrail | None:
    region = arn.split(":")[3]
    return await target.access.cloudtrail.observe(arn, region, expected=expected, only_looking=True)
