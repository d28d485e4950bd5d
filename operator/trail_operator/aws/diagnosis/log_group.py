"""Diagnoses a trail's log group, and the role with which CloudTrail writes to it."""

import json
from typing import Any

from trail_operator.api.reasons import Reason
from trail_operator.aws.diagnosis.case import (
    Dependency,
    certain,
    dependency,
    printed,
    raise_unless_denied,
    unverified,
)
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Read, iam_action
from trail_operator.aws.pages import list_all
from trail_operator.domain.arns import Arn
from trail_operator.domain.dependencies import Judgement
from trail_operator.domain.failure import Failure
from trail_operator.domain.iam_policy import prescribed
from trail_operator.domain.iam_policy.judge import (
    judge_role_boundary,
    judge_role_permissions,
    judge_role_trust,
)
from trail_operator.domain.iam_policy.verdict import Answer, Verdict, not_read


class LogGroup(Dependency):
    """A trail's log group."""

    async def explain(self) -> Failure:
        """Return why CloudTrail cannot write to it."""
        return self._case.judged(*await self.judgements())

    async def judgements(self) -> list[Judgement]:
        """Judge its region and account, whether it exists, then the role."""
        group, location = str(self._case.configuration.cloud_watch_logs_log_group_arn), self._case.location
        arn = Arn.parse(group)
        is_elsewhere = self._case.refusal and arn.account != location.account
        if arn.region != location.region or is_elsewhere:
            message = (
                f"Log group {group} must be in the trail's region {location.region} and account {location.account}. "
                "Correct cloudWatchLogsLogGroupARN"
            )
            return [certain(dependency(Reason.LOG_GROUP_NOT_FOUND, message))]
        role = LogRole(self._case)
        if {arn.account, role.account} != {(await self._case.aws.identity(arn.region)).account}:
            return [unverified(await self._in_another_account(group))]
        try:
            # Sorted by name: if it exists, it is on the first page.
            # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html
            answer = await self._call(Read.DescribeLogGroups, logGroupNamePrefix=arn.resource_id)
        except AWSError as error:
            raise_unless_denied(error)
            unread = not_read(f"whether log group {arn.resource_id} exists", Read.DescribeLogGroups.action, [])
            return [(Reason.LOG_GROUP_NOT_FOUND, unread), *await role.judgements()]
        if all(found["logGroupName"] != arn.resource_id for found in answer["logGroups"]):
            message = (
                f"Log group {arn.resource_id} does not exist in {arn.region}. Create it, or correct "
                "cloudWatchLogsLogGroupARN"
            )
            return [certain(dependency(Reason.LOG_GROUP_NOT_FOUND, message))]
        return await role.judgements()

    async def _in_another_account(self, group: str) -> Failure:
        """Return what a log group of another account needs, as an organization trail can have; it cannot be read."""
        role = self._case.configuration.cloud_watch_logs_role_arn
        return dependency(
            Reason.ROLE_POLICY_DENIES,
            f"Cannot verify log group {group} and role {role}: they are in another account. The log group must exist, "
            f"and the role must have {await LogRole(self._case).prescribed()}",
        )


class LogRole(Dependency):
    """The role with which CloudTrail writes to the log group."""

    @property
    def _arn(self) -> str:
        return str(self._case.configuration.cloud_watch_logs_role_arn)

    @property
    def _group(self) -> str:
        return str(self._case.configuration.cloud_watch_logs_log_group_arn)

    @property
    def account(self) -> str:
        """The role's account."""
        return Arn.parse(self._arn).account

    async def prescribed(self) -> str:
        """Return both policies that it needs, for a message."""
        trust = prescribed.role_trust_statement()
        permissions = prescribed.role_permission_statements(self._group, self._case.arn, await self._organization())
        return f"this trust policy {printed([trust])} and these permissions {printed(permissions)}"

    async def explain(self) -> Failure:
        """Return why CloudTrail cannot use it."""
        return self._case.judged(*await self.judgements())

    async def judgements(self) -> list[Judgement]:
        """Judge its trust policy, and unless that denies, its permissions."""
        name = Arn.parse(self._arn).name
        try:
            role = (await self._call(Read.GetRole, RoleName=name))["Role"]
        except AWSError as error:
            if error.code == "NoSuchEntity":
                message = f"Role {self._arn} does not exist. Create it with {await self.prescribed()}"
                return [certain(dependency(Reason.ROLE_NOT_FOUND, message))]
            raise_unless_denied(error)
            trust = prescribed.role_trust_statement()
            unread = not_read(f"the trust policy of role {self._arn}", Read.GetRole.action, [trust])
            return [(Reason.ROLE_NOT_TRUSTED, unread)]
        verdict = judge_role_trust(_document(role["AssumeRolePolicyDocument"]), role_arn=self._arn)
        if verdict.answer is Answer.REFUSED:
            return [(Reason.ROLE_NOT_TRUSTED, verdict)]
        boundary = (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
        return [
            (Reason.ROLE_NOT_TRUSTED, verdict),
            (Reason.ROLE_POLICY_DENIES, await self._permissions(name)),
            *([(Reason.ROLE_POLICY_DENIES, await self._boundary(boundary))] if boundary else []),
        ]

    async def _permissions(self, name: str) -> Verdict:
        organization = await self._organization()
        try:
            policies = await self._policies(name)
        except AWSError as error:
            raise_unless_denied(error)
            statements = prescribed.role_permission_statements(self._group, self._case.arn, organization)
            return not_read(f"the policies of role {self._arn}", iam_action(error.action), statements)
        return judge_role_permissions(
            policies,
            role_arn=self._arn,
            log_group_arn=self._group,
            trail_arn=self._case.arn,
            organization=organization,
            source_organization=await self._source_organization(*(document for _, document in policies)),
        )

    async def _boundary(self, arn: str) -> Verdict:
        organization = await self._organization()
        try:
            document = await self._managed_policy(arn)
        except AWSError as error:
            raise_unless_denied(error)
            statements = prescribed.role_permission_statements(self._group, self._case.arn, organization)
            return not_read(f"the permissions boundary {arn} of role {self._arn}", iam_action(error.action), statements)
        return judge_role_boundary(
            document,
            boundary_arn=arn,
            role_arn=self._arn,
            log_group_arn=self._group,
            trail_arn=self._case.arn,
            organization=organization,
            source_organization=await self._source_organization(document),
        )

    async def _policies(self, role: str) -> list[tuple[str, str]]:
        """Return its policies with their documents: inline ones by name, attached ones by ARN."""
        aws, region = self._case.aws, self._case.location.region
        inline = []
        for name in await list_all(aws, Read.ListRolePolicies, region, "PolicyNames", RoleName=role):
            answer = await self._call(Read.GetRolePolicy, RoleName=role, PolicyName=name)
            inline.append((name, _document(answer["PolicyDocument"])))
        attached = await list_all(aws, Read.ListAttachedRolePolicies, region, "AttachedPolicies", RoleName=role)
        arns = [policy["PolicyArn"] for policy in attached]
        return [*inline, *[(arn, await self._managed_policy(arn)) for arn in arns]]

    async def _managed_policy(self, arn: str) -> str:
        version = (await self._call(Read.GetPolicy, PolicyArn=arn))["Policy"]["DefaultVersionId"]
        answer = await self._call(Read.GetPolicyVersion, PolicyArn=arn, VersionId=version)
        return _document(answer["PolicyVersion"]["Document"])


def _document(policy: Any) -> str:
    return policy if isinstance(policy, str) else json.dumps(policy)
