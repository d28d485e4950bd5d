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
        "The trail is in AWS as the spec says, and no delivery error is known. True rests only on reads "
        "made after the operator's last write."
    ),
    ConditionType.SYNCED: "AWS holds what the spec says, whatever delivery does.",
    ConditionType.LOGGING: "AWS says that the trail is logging (`IsLogging`).",
    ConditionType.DELIVERING: (
        "False while AWS reports a delivery error for a configured destination (bucket, digests, topic, log "
        "group), or while logging is off. True as long as none is known, also before the first delivery. "
        "It tells of the home region's delivery: GetTrailStatus answers for one region a call."
    ),
    ConditionType.RECONCILING: "Present while a change is being applied or a passing fault is waited out.",
    ConditionType.STALLED: "Present while nothing but a change of the spec or of the owner can help.",
    ConditionType.ADVISORY: (
        "Present while there is something to warn of. Its message has all warnings, its reason is that of the first. "
        "It never touches Ready."
    ),
}

_WAITS = "The operator tries again by itself, at the latest every minute."

EXPLANATIONS: dict[Reason, Explanation] = {
    Reason.RECORDING: Explanation(
        "The trail is as the spec says, it logs, and AWS reports no delivery error.", "Nothing."
    ),
    Reason.LOGGING_OFF: Explanation(
        "The trail is not logging. On Ready=True: because the spec says `isLogging: false`.",
        "Set `isLogging: true` (or leave it out) to record.",
    ),
    Reason.DELIVERY_FAILING: Explanation(
        "The trail logs, but AWS could not deliver to one of its destinations. `status.delivery` says which, "
        "with AWS's error code; the message says what is missing where the operator may read the policy.",
        "Mend the bucket, key, topic, log group or role named. AWS clears its error with the next successful "
        "delivery (minutes; digests hourly), and Ready follows.",
    ),
    Reason.PROGRESSING: Explanation(
        "A change is being applied, or a passing fault of AWS or the network is waited out.", "Wait."
    ),
    Reason.THROTTLED: Explanation(
        "AWS limits the rate of calls for this account and region.",
        "Wait. If it lasts, look for other callers of CloudTrail's API in the account.",
    ),
    Reason.BUCKET_NOT_FOUND: Explanation(
        "The bucket of `s3BucketName` does not exist.",
        f"Create it with the bucket policy that the message prints, or correct the name. {_WAITS}",
    ),
    Reason.BUCKET_POLICY_DENIES: Explanation(
        "The bucket's policy does not let CloudTrail check the bucket or write the trail's logs.",
        f"Add the statement that the message prints, or take away the Deny it names. {_WAITS}",
    ),
    Reason.TOPIC_NOT_FOUND: Explanation(
        "The SNS topic of `snsTopicName` does not exist.",
        "Create it in the trail's home region with the statement that the message prints, correct the name, "
        f"or give the topic's ARN if it is in another region or account. {_WAITS}",
    ),
    Reason.TOPIC_POLICY_DENIES: Explanation(
        "The SNS topic's policy does not let CloudTrail publish.",
        f"Add the statement that the message prints. {_WAITS}",
    ),
    Reason.KEY_NOT_FOUND: Explanation(
        "The KMS key of `kmsKeyID` does not exist, or is not in the region of the bucket.",
        f"Correct the key, or make one in the bucket's region. {_WAITS}",
    ),
    Reason.KEY_DISABLED: Explanation(
        "The KMS key is disabled or scheduled for deletion.",
        f"Enable the key or cancel its deletion; or name another key. {_WAITS}",
    ),
    Reason.KEY_NOT_USABLE: Explanation(
        "The KMS key cannot encrypt for CloudTrail: it is not a symmetric encryption key, or AWS manages it, so that "
        "its policy cannot be changed. The message says which: the trail's, or the one that encrypts its topic.",
        "Name a customer managed key with `KeySpec: SYMMETRIC_DEFAULT`. Where the message prints statements, the key's "
        f"policy needs them. {_WAITS}",
    ),
    Reason.KEY_POLICY_DENIES: Explanation(
        "The policy of a KMS key does not let CloudTrail use it: the trail's key, the one that its topic is encrypted "
        "with, or the one that its bucket encrypts with by default. The message names it.",
        f"Add the statement that the message prints to the key policy. {_WAITS}",
    ),
    Reason.LOG_GROUP_NOT_FOUND: Explanation(
        "The log group of `cloudWatchLogsLogGroupARN` does not exist, or is not in the trail's region and account.",
        f"Create it there, or correct the ARN. {_WAITS}",
    ),
    Reason.ROLE_NOT_FOUND: Explanation(
        "The role of `cloudWatchLogsRoleARN` does not exist.",
        f"Create it with the trust policy and the permissions that the message prints, or correct the ARN. {_WAITS}",
    ),
    Reason.ROLE_NOT_TRUSTED: Explanation(
        "The trust policy of the role of `cloudWatchLogsRoleARN` does not let CloudTrail assume it.",
        f"Add the statement that the message prints to the role's trust policy. {_WAITS}",
    ),
    Reason.ROLE_POLICY_DENIES: Explanation(
        "The role of `cloudWatchLogsRoleARN` may not write to the log group, by its policies or by its permissions "
        "boundary.",
        f"Add the statements that the message prints to what it names. {_WAITS}",
    ),
    Reason.QUOTA_EXCEEDED: Explanation(
        "The region already has its five trails; shadow copies of multi-region and organization trails count. The "
        "message names the trails that fill it.",
        "Delete a trail that is not needed, or make one multi-region trail of several. Creation resumes by itself when "
        "one goes.",
    ),
    Reason.ORGANIZATION_NOT_READY: Explanation(
        "`isOrganizationTrail` needs something of the organization that is not there: the message says what.",
        "Use the management account or a delegated administrator of CloudTrail, enable all features and trusted access "
        f"for `cloudtrail.amazonaws.com` in AWS Organizations, as the message says. {_WAITS}",
    ),
    Reason.INVALID_SPEC: Explanation(
        "AWS refuses what the spec asks for. Of a Trail, the same request is not sent again until the spec or the "
        "trail changes, at most for an hour (`status.refusals`).",
        "Change the spec as the message says.",
    ),
    Reason.WRONG_HOME_REGION: Explanation(
        "The trail of this resource lives in another region than the one that spec and settings now lead to, or the "
        "region on record is not known.",
        "Set `spec.region` to the region that the message names, or put `--region` back. To move a trail, make a "
        "second Trail in the new region, wait until it is Ready, then delete the first.",
    ),
    Reason.CONFLICT: Explanation(
        "A trail of that name exists and is not this resource's: it has no owner tag or another owner's. "
        "Nothing is written to it.",
        "Observe it only (`managementPolicy: Observe`); or take it over by `adoptionPolicy` (IfUnowned, Always), which "
        "makes its settings and tags those of the spec; or choose another `spec.name`, or delete the other trail. If "
        "the cluster was renamed, list its former name in `--former-cluster-names`. If the owner tag of this "
        "resource's own trail was taken off by hand, put the tag that the message prints back on.",
    ),
    Reason.ACCESS_DENIED: Explanation(
        "The operator's identity is not allowed to make a call it needs.",
        "Grant the permission that the message names (docs/iam.md has the whole policy).",
    ),
    Reason.DENIED_BY_ORGANIZATION: Explanation(
        "A service control policy of the organization denies a call that the operator needs.",
        "Ask the organization's administrators to exempt the operator's role for the action that the message names.",
    ),
    Reason.CREDENTIALS_UNAVAILABLE: Explanation(
        "The operator has no AWS credentials, or AWS does not accept them.",
        "Check the operator's service account (IRSA or Pod Identity) or its AWS_* environment. To let a deleted "
        "Trail go without AWS, set `deletionPolicy: Retain`.",
    ),
    Reason.ASSUME_ROLE_DENIED: Explanation(
        "AWS does not let the operator assume the AWSAccount's `roleARN`. It does not tell which of three things is "
        "wrong: the role is not there, its trust policy does not let the operator in, or the external id is another.",
        "Compare the role's trust policy with the one that the AWSAccount's condition prints, `externalID` included. "
        f"{_WAITS}",
    ),
    Reason.IDENTITY_MISMATCH: Explanation(
        "The credentials are of another account than the AWSAccount's `accountID`, or than the one that this Trail's "
        "trail is in (`status.accountID`).",
        "Correct `accountID` or `roleARN`, or give the operator back credentials of the account in `status.accountID`. "
        "If that is wrong, the message has the command that removes it, for whoever may patch trails/status. Nothing "
        "is written meanwhile, and a deletion waits, unless with `deletionPolicy: Retain`.",
    ),
    Reason.IDENTITY_VERIFIED: Explanation("STS says that the operator is in the AWSAccount's `accountID`.", "Nothing."),
    Reason.ACCOUNT_NOT_FOUND: Explanation(
        "There is no AWSAccount of that name, or the Trail names none and the operator's own identity is not to be "
        "used.",
        "Correct `spec.accountRef.name` (in a new Trail: it is immutable), or have the AWSAccount made.",
    ),
    Reason.NAMESPACE_NOT_ALLOWED: Explanation(
        "The AWSAccount does not allow Trails of this namespace.",
        "Ask whoever keeps the AWSAccount to add the namespace to `allowedNamespaces`, by its name or by a label.",
    ),
    Reason.REGION_NOT_ALLOWED: Explanation(
        "The AWSAccount does not allow trails with this home region.",
        "Choose one of the regions that the message names, or ask for the region in `allowedRegions`.",
    ),
    Reason.BUCKET_NOT_ALLOWED: Explanation(
        "The AWSAccount does not allow trails to deliver to this bucket.",
        "Choose a bucket of those that the message names, or ask for the bucket in `allowedBuckets`.",
    ),
    Reason.LOG_ROLE_NOT_ALLOWED: Explanation(
        "The AWSAccount does not allow trails to use this role for their log groups.",
        "Choose a role of those that the message names, or ask for the role in `allowedLogRoleARNs`.",
    ),
    Reason.ORGANIZATION_TRAIL_NOT_ALLOWED: Explanation(
        "The AWSAccount does not allow organization trails.",
        "Take `isOrganizationTrail` away, or ask for `allowOrganizationTrails`.",
    ),
    Reason.RESOURCE_NOT_ALLOWED: Explanation(
        "The AWSAccount does not allow trails to use this SNS topic, KMS key or log group (`snsTopicName`, `kmsKeyID`, "
        "`cloudWatchLogsLogGroupARN`), or the key could not be resolved to its ARN: the message names the field.",
        "Choose one of those that the message names, or ask for it in `allowedTopicARNs`, `allowedKeyARNs` or "
        "`allowedLogGroupARNs` of the AWSAccount.",
    ),
    Reason.TRAIL_NAME_NOT_ALLOWED: Explanation(
        "The AWSAccount does not allow trails of this name (`spec.name`, else `metadata.name`), be it only to observe "
        "them.",
        "Make a Trail with a name of those that the message names, or ask for the name in `allowedTrailNames`.",
    ),
    Reason.ADOPTION_NOT_ALLOWED: Explanation(
        "A trail of that name exists, and `adoptionPolicy` would take it over, but the AWSAccount's `allowedAdoption` "
        "(of the operator's own identity: `--allowed-adoption`) does not allow that. Nothing is written to the trail.",
        "Ask those who administer AWSAccounts (or the operator) to set it to the value that the message names. It may "
        "be taken back afterwards: a trail that was taken over stays managed. Or choose another `spec.name`, or only "
        "observe the trail (`managementPolicy: Observe`).",
    ),
    Reason.IN_USE: Explanation(
        "The AWSAccount is being deleted, and Trails still use it: it is held, so that they can be deleted in AWS.",
        "Delete these Trails first (`deletionPolicy: Retain` keeps their trails in AWS).",
    ),
    Reason.OBSERVED: Explanation(
        "`managementPolicy: Observe`: the trail is as the spec says, and AWS reports no delivery error. Unknown where "
        "AWS does not let this account see all of it, as of an organization's trail.",
        "Nothing. Where it is Unknown, the message says what is, and what would help if anything does.",
    ),
    Reason.DRIFTED: Explanation(
        "`managementPolicy: Observe`: the trail differs from the spec as `status.drift` says.",
        "Change the spec, or the trail where it is managed; or let the operator put it right "
        "(`managementPolicy: Manage`).",
    ),
    Reason.TRAIL_NOT_FOUND: Explanation(
        "`managementPolicy: Observe`: there is no trail of that name in the region.",
        "Correct `spec.name` or `spec.region`, or let the operator make it (`managementPolicy: Manage`).",
    ),
    Reason.PAUSED: Explanation(
        "The annotation `trail-operator.dev/paused` is `true`: the trail is neither looked at nor written to, and the "
        "resource is held if it is deleted.",
        "Take the annotation away to go on.",
    ),
    Reason.AWS_UNREACHABLE: Explanation(
        "For three resyncs no read of the trail has succeeded (of an AWSAccount: STS has not said who we are), so "
        "nothing is known of it.",
        "Look at the message for the last error, at the spelling of the region, and at the network path from "
        "the cluster to AWS.",
    ),
    Reason.INTERNAL_ERROR: Explanation(
        "A fault of the operator itself.",
        "Please report it with the operator's log lines of this Trail. The operator keeps trying.",
    ),
    Reason.OWNED_ELSEWHERE: Explanation(
        "Another trail of the account has the owner tag of this Trail, under another name or in another region: as "
        "after the cluster was rebuilt with another `--region`. This Trail does not look after it, and it may go on "
        "recording.",
        "Delete it by hand if it is not needed. To keep it instead, delete this Trail and make it again with that "
        "trail's region in `spec.region` and its name in `spec.name`. If it is another cluster's that has the same "
        "`--cluster-name`, give each cluster a name of its own.",
    ),
    Reason.DUPLICATE_GLOBAL_EVENTS: Explanation(
        "Another trail records the events of global services (IAM, CloudFront, ...) as well: each is delivered twice.",
        "Set `includeGlobalServiceEvents: false` on the single-region trail, or let go of one of the trails.",
    ),
    Reason.DUPLICATE_MANAGEMENT_EVENTS: Explanation(
        "Another trail records management events of the same region. The first copy in a region is free, AWS bills "
        "each further one.",
        "Keep one trail for management events, or narrow the selectors of this one to what only it is for.",
    ),
    Reason.GLOBAL_EVENTS_IGNORED: Explanation(
        "`includeGlobalServiceEvents` has no effect on this trail: a single-region trail records the events of global "
        "services in us-east-1 only (in other partitions, in regions of their own).",
        "Set it to false, or make the trail multi-region.",
    ),
    Reason.LOGS_OWN_DELIVERY: Explanation(
        "The trail records the writing of its own log, digest or Insights files: each delivery causes events that are "
        "delivered next.",
        "Set `recursiveLogging: false`, or leave the bucket out of the selectors.",
    ),
    Reason.NO_MANAGEMENT_EVENTS: Explanation(
        "The selectors record no management events: who changed what in the account is not in this trail.",
        "Add a selector of management events, unless another trail records them.",
    ),
    Reason.UNKNOWN_SELECTOR: Explanation(
        "A selector names a field or a form of resource type that this version of the operator does not know. It is "
        "passed on as it is.",
        "Check the spelling. AWS's refusal, if it comes, is on Ready.",
    ),
    Reason.LEGACY_PRINCIPAL: Explanation(
        "The policy of the bucket or topic lets CloudTrail in only by accounts that it once had in single regions. "
        "Whether it still delivers from them is not documented, and from other regions it does not.",
        "Name the service principal `cloudtrail.amazonaws.com` in the policy instead; the message on Ready prints the "
        "statement.",
    ),
    Reason.ANNOTATION_IGNORED: Explanation(
        "The Trail has annotations that ACK (`services.k8s.aws/*`) or Crossplane (`crossplane.io/paused`, "
        "`crossplane.io/external-name`) would obey, and this operator does not. `services.k8s.aws/deletion-policy: "
        "retain` is obeyed where `spec.deletionPolicy` is left out, and then no reason for a warning.",
        "Set what the message names, then remove the annotation.",
    ),
}

EVENT_EXPLANATIONS: dict[EventReason, Explanation] = {
    EventReason.RELEASED: Explanation("The Trail goes; the message says what was read of its trail.", "Nothing."),
    EventReason.OWNER_TAG_REMOVAL_FAILED: Explanation(
        "`deletionPolicy: Retain`: the owner tag could not be removed, or AWS still shows it after RemoveTags. The "
        "Trail goes all the same.",
        "Remove the tag that the message names by hand, if AWS still shows it.",
    ),
    EventReason.DELETION_NOT_CONFIRMED: Explanation(
        "DeleteTrail was sent, and 60 s later AWS still shows the trail as this Trail's. The Trail is held, and "
        "DeleteTrail is repeated.",
        "Look at the trail in AWS, and at whatever answers between the operator and AWS, such as a proxy. To release "
        "the Trail and keep the trail, set `deletionPolicy: Retain`.",
    ),
    EventReason.RELEASED_UNVERIFIED: Explanation(
        "The Trail goes although AWS could not be asked whether it has a trail, because nothing was on record "
        "(neither `status.arn` nor `status.accountID` and `status.homeRegion`).",
        "If the status was changed by hand, or the Trail restored from a backup, look in AWS for a trail with this "
        "Trail's owner tag.",
    ),
    EventReason.STATUS_REFUSED: Explanation(
        "The API server refuses to write the status or the finalizers of the Trail or AWSAccount, as of one that was "
        "stored when the definition was looser: it has no condition. It is tried again when it changes, else every 10 "
        "minutes; an Event that could not be written, every minute.",
        "Correct what the message names, or delete the object.",
    ),
}
