"""What is wrong with a trail's topic: its policy, and the key that it is encrypted with."""

from collections.abc import Mapping

from trail_operator.api.reasons import Reason
from trail_operator.aws.diagnosis.case import Dependency, compact, dependency, may_not_look
from trail_operator.aws.diagnosis.key import TopicKey
from trail_operator.aws.errors import AWSError
from trail_operator.core.failure import Failure
from trail_operator.core.policies import required
from trail_operator.core.policies.judge import Answer, judge_topic_policy, not_read


class Topic(Dependency):
    """A trail's topic."""

    @property
    def _arn(self) -> str:
        return str(self._case.configuration.sns_topic_name)

    async def _attributes(self) -> Mapping[str, str]:
        answer = await self._call("sns", "GetTopicAttributes", region=self._arn.split(":")[3], TopicArn=self._arn)
        attributes: Mapping[str, str] = answer["Attributes"]
        return attributes

    async def key(self) -> Failure | None:
        """What is wrong with the key that it is encrypted with; None if nothing is seen to be."""
        try:
            key = (await self._attributes()).get("KmsMasterKeyId")
        except AWSError as error:
            may_not_look(error)
            return None
        return await TopicKey(self._case).explain(self._arn, key) if key else None

    async def explain(self) -> Failure:
        """Its policy; where that does not refuse, its key."""
        arn = self._arn
        statement = required.topic_statement(arn, self._case.arn)
        try:
            attributes = await self._attributes()
        except AWSError as error:
            if error.code in ("NotFound", "NotFoundException"):
                return dependency(
                    Reason.TOPIC_NOT_FOUND,
                    f"topic {arn} does not exist: create it, with this statement in its policy: {compact(statement)}",
                )
            may_not_look(error)
            unread = not_read(f"the policy of topic {arn}", "sns:GetTopicAttributes", [statement])
            return self.judged((Reason.TOPIC_POLICY_DENIES, unread))
        document, key = attributes.get("Policy"), attributes.get("KmsMasterKeyId")
        verdict = judge_topic_policy(
            document,
            topic_arn=arn,
            trail_arn=self._case.arn,
            source_organization=await self._source_organization(document),
        )
        if verdict.answer is not Answer.REFUSED and key and (refusal := await TopicKey(self._case).explain(arn, key)):
            return refusal
        return self.judged((Reason.TOPIC_POLICY_DENIES, verdict))
