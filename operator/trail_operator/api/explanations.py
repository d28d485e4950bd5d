"""What each condition type and reason means, and what to do about it.

`docs/trail.md` and `docs/accounts.md` are generated from these tables, so a reason cannot be in use and undocumented.
"""

from dataclasses import dataclass

from trail_operator.api.reasons import ConditionType, EventReason, Reason


@dataclass(frozen=True)
class Explanation:
    """What a reason means and what to do about it, as printed in the documentation."""

    meaning: str
    remedy: str


CONDITION_MEANINGS: dict[ConditionType, str] = {
    ConditionType.READY: (
        "The trail matches the spec, and no delivery error is known. True is based only on reads after the operator's "
        "last write."
    ),
    ConditionType.SYNCED: "The trail matches the spec, regardless of delivery.",
    ConditionType.LOGGING: "AWS reports that the trail is logging (`IsLogging`).",
    ConditionType.DELIVERING: (
        "False while AWS reports a delivery error for a configured destination (bucket, digests, topic, log group), or "
        "while logging is off. True as long as no error is known, also before the first delivery. It covers delivery "
        "of the home region only, because GetTrailStatus answers for one region per call."
    ),
    ConditionType.DEPENDENCIES_READY: (
        "The state and the policies of bucket, key, topic, log group and role allow CloudTrail to deliver, as far as "
        "the operator can read them. It is evaluated before AWS reports an error, and never affects Ready, which "
        "reports what AWS says. It is about what the spec names; with `managementPolicy: "
        "Observe`, about what the trail in AWS names."
    ),
    ConditionType.RECONCILING: ("Present while the operator applies a change or waits for a temporary fault to pass."),
    ConditionType.STALLED: "Present while only a change of the spec or of the trail's owner can help.",
    ConditionType.ADVISORY: (
        "Present while there are warnings. Its message lists all warnings, its reason is that of the first. It never "
        "affects Ready."
    ),
    ConditionType.EVENTS_ARRIVING: (
        "Only on an AWSAccount, and only with an event queue: whether events of the account arrive from the queue, in "
        "the home regions of its Trails. It never affects Ready. After a restart of the operator it is Unknown until "
        "the next event."
    ),
}

_RETRIES = "The operator retries automatically, at least once a minute."

EXPLANATIONS: dict[Reason, Explanation] = {
    Reason.RECORDING: Explanation(
        "The trail matches the spec and is logging, and AWS reports no delivery error.", "Nothing."
    ),
    Reason.LOGGING_OFF: Explanation(
        "The trail is not logging. On Ready=True: because the spec sets `isLogging: false`.",
        "To record, set `isLogging: true` or omit it.",
    ),
    Reason.DELIVERY_FAILING: Explanation(
        "The trail is logging, but AWS could not deliver to a destination. `status.delivery` names it, with AWS's "
        "error code. If the operator can read the policy, the message says what is missing.",
        "Fix the bucket, key, topic, log group or role that the message names. AWS clears its error with the next "
        "successful delivery (minutes; digests hourly), and Ready follows.",
    ),
    Reason.PROGRESSING: Explanation(
        "The operator is applying a change, or is waiting for a temporary fault of AWS or the network to pass.", "Wait."
    ),
    Reason.THROTTLED: Explanation(
        "AWS throttles calls in this account and region.",
        "Wait. If it persists, find what else calls the same service in the account.",
    ),
    Reason.BUCKET_NOT_FOUND: Explanation(
        "The bucket `s3BucketName` does not exist.",
        f"Create it with the bucket policy in the message, or correct the name. {_RETRIES}",
    ),
    Reason.BUCKET_POLICY_DENIES: Explanation(
        "The bucket policy does not allow CloudTrail to check the bucket or to write the trail's log files.",
        f"Add the statement in the message, or remove the Deny statement that it names. {_RETRIES}",
    ),
    Reason.TOPIC_NOT_FOUND: Explanation(
        "The SNS topic `snsTopicName` does not exist.",
        "Create it in the trail's home region with the statement in the message, correct the name, or set the topic's "
        f"ARN if it is in another region or account. {_RETRIES}",
    ),
    Reason.TOPIC_POLICY_DENIES: Explanation(
        "The policy of the SNS topic does not allow CloudTrail to publish.",
        f"Add the statement in the message. {_RETRIES}",
    ),
    Reason.KEY_NOT_FOUND: Explanation(
        "The KMS key `kmsKeyID` does not exist, or is not in the bucket's region.",
        f"Correct the key, or create one in the bucket's region. {_RETRIES}",
    ),
    Reason.KEY_DISABLED: Explanation(
        "The KMS key is disabled or scheduled for deletion.",
        f"Enable the key, cancel its deletion, or use another key. {_RETRIES}",
    ),
    Reason.KEY_NOT_USABLE: Explanation(
        "The KMS key cannot encrypt for CloudTrail: it is not a symmetric encryption key, or AWS manages it and its "
        "policy cannot be changed. The message names the key: the trail's, or the one that encrypts its topic.",
        "Use a customer managed key with `KeySpec: SYMMETRIC_DEFAULT`. If the message prints statements, add them to "
        f"the key policy. {_RETRIES}",
    ),
    Reason.KEY_POLICY_DENIES: Explanation(
        "A key policy does not allow CloudTrail to use the KMS key. The message names the key: the trail's, the one "
        "that encrypts its topic, or the default encryption key of its bucket.",
        f"Add the statement in the message to the key policy. {_RETRIES}",
    ),
    Reason.LOG_GROUP_NOT_FOUND: Explanation(
        "The log group `cloudWatchLogsLogGroupARN` does not exist, or is not in the trail's region and account.",
        f"Create it there, or correct the ARN. {_RETRIES}",
    ),
    Reason.ROLE_NOT_FOUND: Explanation(
        "The role `cloudWatchLogsRoleARN` does not exist.",
        f"Create it with the trust policy and the permissions in the message, or correct the ARN. {_RETRIES}",
    ),
    Reason.ROLE_NOT_TRUSTED: Explanation(
        "The trust policy of the role `cloudWatchLogsRoleARN` does not allow CloudTrail to assume it.",
        f"Add the statement in the message to the role's trust policy. {_RETRIES}",
    ),
    Reason.ROLE_POLICY_DENIES: Explanation(
        "The policies or the permissions boundary of the role `cloudWatchLogsRoleARN` do not allow it to write to the "
        "log group.",
        f"Add the statements in the message to the policy that it names. {_RETRIES}",
    ),
    Reason.QUOTA_EXCEEDED: Explanation(
        "The region already has five trails, the quota. Shadow copies of multi-region and organization trails count. "
        "The message lists the trails.",
        "Delete a trail that is not needed, or replace several by one multi-region trail. The operator creates the "
        "trail once there is room.",
    ),
    Reason.ORGANIZATION_NOT_READY: Explanation(
        "The organization does not meet a requirement of `isOrganizationTrail`. The message names it.",
        "Use the management account or a delegated administrator of CloudTrail, enable all features, and enable "
        f"trusted access for `cloudtrail.amazonaws.com` in AWS Organizations. {_RETRIES}",
    ),
    Reason.INVALID_SPEC: Explanation(
        "AWS rejects what the spec asks for. For a Trail, the operator repeats the same request only after the spec or "
        "the trail changes, or after an hour (`status.refusals`).",
        "Change the spec as the message says.",
    ),
    Reason.WRONG_HOME_REGION: Explanation(
        "The trail of this resource is in another region than the one that the spec and the settings now select, or "
        "the recorded region is unknown.",
        "Set `spec.region` to the region that the message names, or restore `--region`. To move a trail, create a "
        "second Trail in the new region, wait until it is Ready, then delete the first.",
    ),
    Reason.CONFLICT: Explanation(
        "A trail of that name exists and does not belong to this resource: it has no owner tag, or the tag of another "
        "owner. Nothing was written to it.",
        "Observe it (`managementPolicy: Observe`); or take it over with `adoptionPolicy` (IfUnowned, Always), which "
        "replaces its settings and tags by those of the spec; or choose another `spec.name`, or delete the other "
        "trail. If the cluster was renamed, list its former name in `--former-cluster-names`. If someone removed the "
        "owner tag of this resource's own trail, add the tag in the message.",
    ),
    Reason.ACCESS_DENIED: Explanation(
        "The operator's identity is not allowed to make a required call.",
        "Grant the permission that the message names (docs/iam.md has the whole policy).",
    ),
    Reason.DENIED_BY_ORGANIZATION: Explanation(
        "A service control policy of the organization denies a required call.",
        "Ask the organization's administrators to exempt the operator's role for the action that the message names.",
    ),
    Reason.CREDENTIALS_UNAVAILABLE: Explanation(
        "The operator has no AWS credentials, or AWS does not accept them.",
        "Check the operator's service account (IRSA or Pod Identity) or its AWS_* environment variables. To remove a "
        "deleted resource without AWS, set `deletionPolicy: Retain`.",
    ),
    Reason.ASSUME_ROLE_DENIED: Explanation(
        "AWS does not allow the operator to assume the AWSAccount's `roleARN`. AWS does not say which of three causes "
        "applies: the role does not exist, its trust policy does not trust the operator, or the external ID differs.",
        "Compare the role's trust policy, including `externalID`, with the one in the AWSAccount's condition. "
        f"{_RETRIES}",
    ),
    Reason.IDENTITY_MISMATCH: Explanation(
        "The credentials belong to another account than the AWSAccount's `accountID`, or than the account of this "
        "Trail's trail (`status.accountID`).",
        "Correct `accountID` or `roleARN`, or restore credentials for the account in `status.accountID`. If that value "
        "is wrong, run the command in the message, which removes it and needs permission to patch trails/status. Until "
        "then nothing is written, and a deletion waits unless `deletionPolicy` is Retain.",
    ),
    Reason.IDENTITY_VERIFIED: Explanation(
        "STS confirms that the credentials belong to the AWSAccount's `accountID`.", "Nothing."
    ),
    Reason.ACCOUNT_NOT_FOUND: Explanation(
        "No AWSAccount of that name exists, or the Trail names none and the operator's own identity must not be used.",
        "Correct `spec.accountRef.name` in a new Trail (it is immutable), or ask for the AWSAccount.",
    ),
    Reason.NAMESPACE_NOT_ALLOWED: Explanation(
        "The AWSAccount does not allow Trails of this namespace.",
        "Ask an administrator of the AWSAccount to add the namespace to `allowedNamespaces`, by name or by label.",
    ),
    Reason.REGION_NOT_ALLOWED: Explanation(
        "The AWSAccount does not allow trails with this home region.",
        "Choose one of the regions in the message, or ask for the region in `allowedRegions`.",
    ),
    Reason.BUCKET_NOT_ALLOWED: Explanation(
        "The AWSAccount does not allow trails to deliver to this bucket.",
        "Choose one of the buckets in the message, or ask for the bucket in `allowedBuckets`.",
    ),
    Reason.LOG_ROLE_NOT_ALLOWED: Explanation(
        "The AWSAccount does not allow trails to use this role for their log groups.",
        "Choose one of the roles in the message, or ask for the role in `allowedLogRoleARNs`.",
    ),
    Reason.ORGANIZATION_TRAIL_NOT_ALLOWED: Explanation(
        "The AWSAccount does not allow organization trails.",
        "Remove `isOrganizationTrail`, or ask for `allowOrganizationTrails`.",
    ),
    Reason.RESOURCE_NOT_ALLOWED: Explanation(
        "The AWSAccount does not allow trails to use this SNS topic, KMS key or log group (`snsTopicName`, `kmsKeyID`, "
        "`cloudWatchLogsLogGroupARN`), or the key could not be resolved to its ARN. The message names the field.",
        "Choose one of those in the message, or ask for it in the AWSAccount's `allowedTopicARNs`, `allowedKeyARNs` or "
        "`allowedLogGroupARNs`.",
    ),
    Reason.TRAIL_NAME_NOT_ALLOWED: Explanation(
        "The AWSAccount does not allow trails of this name (`spec.name`, else `metadata.name`), not even to observe "
        "them.",
        "Create a Trail with one of the names in the message, or ask for the name in `allowedTrailNames`.",
    ),
    Reason.ADOPTION_NOT_ALLOWED: Explanation(
        "A trail of that name exists, and `adoptionPolicy` would take it over, but the AWSAccount's `allowedAdoption` "
        "(for the operator's own identity: `--allowed-adoption`) does not allow that. Nothing was written to the "
        "trail.",
        "Ask an administrator of the AWSAccount (or the operator) to set it to the value in the message. The setting "
        "can be reverted afterwards: a trail that was taken over stays managed. Or choose another `spec.name`, or only "
        "observe the trail (`managementPolicy: Observe`).",
    ),
    Reason.IN_USE: Explanation(
        "The AWSAccount is being deleted, and Trails or TrailAlarmSets still use it. It is kept so that what they "
        "manage can be deleted in AWS.",
        "Delete these first (`deletionPolicy: Retain` keeps what they manage in AWS).",
    ),
    Reason.OBSERVED: Explanation(
        "`managementPolicy: Observe`: the trail matches the spec, and AWS reports no delivery error. Unknown if AWS "
        "does not show all of it to this account, as for an organization trail.",
        "Nothing. If Unknown, the message says what is unknown, and what helps if anything does.",
    ),
    Reason.DRIFTED: Explanation(
        "`managementPolicy: Observe`: the trail differs from the spec; `status.drift` lists the differences.",
        "Change the spec, or change the trail where it is managed; or set `managementPolicy: Manage` to have the "
        "operator correct it.",
    ),
    Reason.TRAIL_NOT_FOUND: Explanation(
        "`managementPolicy: Observe`: no trail of that name exists in the region.",
        "Correct `spec.name` or `spec.region`, or set `managementPolicy: Manage` to have the operator create it.",
    ),
    Reason.PAUSED: Explanation(
        "The annotation `trail-operator.dev/paused` is `true`: the operator neither reads nor writes the trail, and "
        "keeps the resource if it is deleted.",
        "Remove the annotation to resume.",
    ),
    Reason.AWS_UNREACHABLE: Explanation(
        "The trail could not be read for three resync periods, so its state is unknown. (For an AWSAccount: STS did "
        "not confirm the operator's identity.)",
        "Check the last error in the message, the spelling of the region, and the network path from the cluster to "
        "AWS.",
    ),
    Reason.INTERNAL_ERROR: Explanation(
        "The operator has a bug.",
        "Report it with the operator's log lines of this Trail. The operator keeps retrying.",
    ),
    Reason.DEFINITION_OUTDATED: Explanation(
        "The CustomResourceDefinition is older than the operator: it does not keep what must be recorded in the status "
        "before anything is created in AWS. Nothing was written to AWS.",
        "Apply the definitions of the operator's version. The operator continues automatically.",
    ),
    Reason.OWNED_ELSEWHERE: Explanation(
        "Another trail of the account has the owner tag of this Trail, under another name or in another region, for "
        "example after the cluster was rebuilt with another `--region`. This Trail does not manage it, and it may "
        "still record.",
        "Delete it if it is not needed. To keep it instead, delete this Trail and create it again with that trail's "
        "region in `spec.region` and its name in `spec.name`. If it belongs to another cluster with the same "
        "`--cluster-name`, give each cluster its own name.",
    ),
    Reason.DUPLICATE_GLOBAL_EVENTS: Explanation(
        "Another trail also records events of global services (IAM, CloudFront, ...): each event is delivered twice.",
        "Set `includeGlobalServiceEvents: false` on the single-region trail, or delete one of the trails.",
    ),
    Reason.DUPLICATE_MANAGEMENT_EVENTS: Explanation(
        "Another trail records management events of the same region. The first copy in a region is free, AWS bills "
        "each further one.",
        "Keep one trail for management events, or narrow the selectors of this one.",
    ),
    Reason.GLOBAL_EVENTS_IGNORED: Explanation(
        "`includeGlobalServiceEvents` has no effect on this trail: a single-region trail records events of global "
        "services only in us-east-1 (other partitions have their own regions).",
        "Set it to false, or make the trail multi-region.",
    ),
    Reason.LOGS_OWN_DELIVERY: Explanation(
        "The trail records how CloudTrail writes its log, digest or Insights files: each delivery causes events for "
        "the next delivery.",
        "Set `recursiveLogging: false`, or exclude the bucket from the selectors.",
    ),
    Reason.NO_MANAGEMENT_EVENTS: Explanation(
        "The selectors record no management events: the trail does not show who changed what in the account.",
        "Add a selector for management events, unless another trail records them.",
    ),
    Reason.UNKNOWN_SELECTOR: Explanation(
        "A selector has a field or a form of resource type that this version of the operator does not know. The "
        "operator sends it to AWS unchanged.",
        "Check the spelling. If AWS rejects it, Ready reports that.",
    ),
    Reason.LEGACY_PRINCIPAL: Explanation(
        "The policy of the bucket or topic allows CloudTrail only by legacy account IDs of single regions. AWS does "
        "not document whether it still delivers from them; from other regions it does not.",
        "Use the service principal `cloudtrail.amazonaws.com` in the policy instead; the message on Ready prints the "
        "statement.",
    ),
    Reason.ANNOTATION_IGNORED: Explanation(
        "The Trail has annotations of ACK (`services.k8s.aws/*`) or Crossplane (`crossplane.io/paused`, "
        "`crossplane.io/external-name`) that this operator ignores. It honors `services.k8s.aws/deletion-policy: "
        "retain` if `spec.deletionPolicy` is omitted, and then does not warn about it.",
        "Set the field that the message names, then remove the annotation.",
    ),
    Reason.ALLOWED: Explanation(
        "All policies that the operator can read allow CloudTrail to deliver, and the bucket, key, topic, log group "
        "and role exist and are usable. Resource control policies are not evaluated, nor are service control policies "
        "for the role.",
        "Nothing.",
    ),
    Reason.READ_PERMISSION_MISSING: Explanation(
        "The operator lacks a permission to read a dependency. The message names the IAM action and prints what the "
        "policy must contain. For a bucket that another account owns, AWS's refusal looks the same.",
        "Grant the action ([iam.md](iam.md)). The operator evaluates again within `--dependency-resync`, or at once "
        "with the annotation `trail-operator.dev/reconcile-at`.",
    ),
    Reason.UNDECIDABLE: Explanation(
        "The dependencies were evaluated, but whether they allow CloudTrail to deliver depends on something that the "
        "operator cannot know: a condition on values that AWS does not document, a malformed policy, or a resource of "
        "another account.",
        "Compare the policy with what the message prints, or ask the owner of the resource. Ready reports what AWS "
        "says.",
    ),
    Reason.NOT_EVALUATED: Explanation(
        "The dependencies are not evaluated: the Trail may not use its account, namespace, region, bucket, log role or "
        "trail name, its spec is invalid, the trail belongs to another owner or does not exist, the operator has no "
        "credentials, or AWS does not answer.",
        "Correct what Ready reports. The dependencies are evaluated right afterwards.",
    ),
    Reason.EVENTS_RECEIVED: Explanation(
        "In each home region of the account's Trails, an event of the account arrived within the last 24 hours.",
        "Nothing.",
    ),
    Reason.EVENTS_MISSING: Explanation(
        "The operator changed something in the regions that the message names, a trail there had recorded write "
        "management events for at least 15 minutes, and no event of that account and region has arrived within 15 "
        "minutes. Drift there is noticed only at the next resync.",
        "Deploy `events-member.yaml` in the account and region, or compare its rule, role and bus with the template; "
        "then check the policies of the hub's bus and queue.",
    ),
    Reason.NO_TRAFFIC: Explanation(
        "No event has arrived within the last 24 hours, or since the operator started, and none was expected.",
        "Nothing. To test the way, change something in the account, such as a tag of a trail.",
    ),
    Reason.NOT_LOGGING: Explanation(
        "No trail is known to record write management events in a region, and EventBridge receives only events that a "
        "trail records.",
        "Nothing, if that is intended: drift there is noticed at the next resync. Otherwise let a trail that is "
        "logging record write management events of the region.",
    ),
}

EVENT_EXPLANATIONS: dict[EventReason, Explanation] = {
    EventReason.RELEASED: Explanation(
        "The Trail or TrailAlarmSet was removed; the message says what became of its trail or alarms in AWS.",
        "Nothing.",
    ),
    EventReason.OWNER_TAG_REMOVAL_FAILED: Explanation(
        "`deletionPolicy: Retain`: an owner tag could not be removed, or AWS still shows it afterwards. The Trail or "
        "TrailAlarmSet was removed nevertheless.",
        "If AWS still shows the tag in the message, remove it.",
    ),
    EventReason.DELETION_NOT_CONFIRMED: Explanation(
        "DeleteTrail was sent, and 60 s later AWS still shows the trail with this Trail's owner tag. The operator "
        "keeps the Trail and repeats DeleteTrail.",
        "Check the trail in AWS, and anything between the operator and AWS, such as a proxy. To remove the Trail and "
        "keep the trail, set `deletionPolicy: Retain`.",
    ),
    EventReason.RELEASED_UNVERIFIED: Explanation(
        "The Trail was removed although the operator could not check for a trail in AWS, because the status recorded "
        "none (neither `status.arn` nor `status.accountID` and `status.homeRegion`).",
        "If someone edited the status, or the Trail was restored from a backup, search AWS for a trail with this "
        "Trail's owner tag.",
    ),
    EventReason.STATUS_REFUSED: Explanation(
        "The API server refuses to write the status or the finalizers of the object, for example of an "
        "object that was stored under a less strict schema: it has no condition. The operator retries when the object "
        "changes, else every 10 minutes; an Event that could not be written, every minute.",
        "Correct what the message names, or delete the object.",
    ),
}
