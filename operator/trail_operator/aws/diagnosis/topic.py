"""Diagnoses a trail's SNS topic: its policy, and the key that encrypts it."""

from collections.abc import Mapping

from trail_operator.api.reasons import Reason
from trail_operator.aws.diagnosis.case import Dependency, certain, dependency, printed, raise_unless_denied
from trail_operator.aws.diagnosis.key import TopicKey
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Read
from trail_operator.domain.arns import Arn
from trail_operator.domain.dependencies import Judgement
from trail_operator.domain.failure import Failure
from trail_operator.domain.iam_policy import prescribed
from trail_operator.domain.iam_policy.judge import judge_topic_policy
from trail_operator.domain.iam_policy.verdict import Answer, not_read

_NOT_FOUND = ("NotFound", "NotFoundException")


class Topic(Dependency):
    """A trail's topic."""

    @property
    def _arn(self) -> str:
        return str(self._case.configuration.sns_topic_name)

    async def _attributes(self) -> Mapping[str, str]:
        answer = await self._call(Read.GetTopicAttributes, region=Arn.parse(self._arn).region, TopicArn=self._arn)
        attributes: Mapping[str, str] = answer["Attributes"]
        return attributes

    async def key(self) -> Judgement | None:
        """Judge the key that encrypts it; None if it is not encrypted."""
        try:
            attributes = await self._attributes()
        except AWSError as error:
            if error.code in _NOT_FOUND:
                return certain(self._missing())
            raise_unless_denied(error)
            subject = f"the policy of the key (if any) that encrypts topic {self._arn}"
            statements = [prescribed.topic_key_statement(self._case.arn)]
            return Reason.KEY_POLICY_DENIES, not_read(subject, Read.GetTopicAttributes.action, statements)
        return await self._key(attributes)

    async def explain(self) -> Failure:
        """Return why CloudTrail cannot publish."""
        return self._case.judged(*await self.judgements())

    async def judgements(self) -> list[Judgement]:
        """Judge its policy, and unless that denies, its key."""
        arn = self._arn
        try:
            attributes = await self._attributes()
        except AWSError as error:
            if error.code in _NOT_FOUND:
                return [certain(self._missing())]
            raise_unless_denied(error)
            unread = not_read(f"the policy of topic {arn}", Read.GetTopicAttributes.action, [self._statement])
            return [(Reason.TOPIC_POLICY_DENIES, unread)]
        document = attributes.get("Policy")
        verdict = judge_topic_policy(
            document,
            topic_arn=arn,
            trail_arn=self._case.arn,
            source_organization=await self._source_organization(document),
        )
        key = None if verdict.answer is Answer.REFUSED else await self._key(attributes)
        return [(Reason.TOPIC_POLICY_DENIES, verdict), *filter(None, [key])]

    async def _key(self, attributes: Mapping[str, str]) -> Judgement | None:
        key = attributes.get("KmsMasterKeyId")
        return await TopicKey(self._case).judge(self._arn, key) if key else None

    def _missing(self) -> Failure:
        remedy = f"Create it with this statement in its policy {printed(self._statement)}"
        return dependency(Reason.TOPIC_NOT_FOUND, f"Topic {self._arn} does not exist. {remedy}")

    @property
    def _statement(self) -> prescribed.Statement:
        return prescribed.topic_statement(self._arn, self._case.arn)
