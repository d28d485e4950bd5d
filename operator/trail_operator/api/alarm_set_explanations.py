"""What the condition types and reasons of a TrailAlarmSet mean, and what to do about them.

`docs/trail-alarm-set.md` is generated from these tables. Reasons that mean the same for every kind are taken from
`explanations.py`.
"""

from trail_operator.api.explanations import EXPLANATIONS, Explanation
from trail_operator.api.reasons import ALARM_SET_REASONS, ConditionType, Reason

ALARM_SET_CONDITION_MEANINGS: dict[ConditionType, str] = {
    ConditionType.READY: (
        "The metric filters and alarms match the spec. True is based only on reads after the operator's last write. "
        "The state of the alarms (OK, ALARM) does not affect it."
    ),
    ConditionType.SYNCED: "The metric filters and alarms match the spec.",
    ConditionType.RECONCILING: "Present while the operator applies a change or waits for a temporary fault to pass.",
    ConditionType.STALLED: "Present while only a change of the spec or of the owner of a filter or alarm can help.",
    ConditionType.ADVISORY: (
        "Present while there are warnings: the alarms exist, and may not notify anybody. Its message lists all "
        "warnings, its reason is that of the first. It never affects Ready."
    ),
}

_RETRIES = "The operator retries automatically, at least once a minute."

_OF_ALARM_SETS: dict[Reason, Explanation] = {
    Reason.IN_SYNC: Explanation("The metric filters and alarms match the spec.", "Nothing."),
    Reason.OBSERVED: Explanation(
        "`managementPolicy: Observe`: the metric filters and alarms match the spec.", "Nothing."
    ),
    Reason.TRAIL_NOT_FOUND: Explanation(
        "The Trail `spec.trailRef` does not exist in the namespace, or is being deleted. Nothing is written, and what "
        "exists in AWS is kept.",
        "Create the Trail. For another Trail, create another TrailAlarmSet: `trailRef` is immutable.",
    ),
    Reason.TRAIL_NOT_MANAGED: Explanation(
        "The Trail manages no trail in AWS: it could not create it, may not use its account, or the trail belongs to "
        "another owner. Nothing is written, and what exists in AWS is kept.",
        "Correct what the Trail's conditions report. The operator continues as soon as the Trail manages its trail.",
    ),
    Reason.LOG_GROUP_NOT_CONFIGURED: Explanation(
        "The trail delivers to no log group, so there is nothing to filter. What exists in AWS is kept.",
        "Set `cloudWatchLogsLogGroupARN` and `cloudWatchLogsRoleARN` on the Trail.",
    ),
    Reason.LOG_GROUP_ELSEWHERE: Explanation(
        "The trail delivers to a log group of another account or region than its own. Filters and alarms must be "
        "where the log group is, for which the operator has no credentials.",
        "Set a log group of the trail's own account and region on the Trail.",
    ),
    Reason.LOG_GROUP_UNSUITABLE: Explanation(
        "The log group has a class other than STANDARD, which supports no metric filters.",
        "Create a log group of the class STANDARD and set it on the Trail: the class of a log group cannot be changed.",
    ),
    Reason.LOG_GROUP_NOT_FOUND: Explanation(
        "The log group to which the trail delivers does not exist.",
        f"Create it again, or set another one on the Trail. {_RETRIES}",
    ),
    Reason.ACTION_NOT_ALLOWED: Explanation(
        "The AWSAccount's `allowedActionARNs` (for the operator's own identity: `--allowed-action-arns`) do not allow "
        "alarms to notify a topic of the spec. Nothing is written. Without these settings no topic is allowed.",
        "Ask an administrator of the AWSAccount (or the operator) to add the ARN in the message, or use an allowed "
        "topic.",
    ),
    Reason.INVALID_SPEC: Explanation(
        "The spec cannot work: an override or exclusion names no preset alarm, an own alarm has the name of a preset "
        "alarm, AWS rejects a filter pattern, or a topic is in another region or partition than the log group. Nothing "
        "is written.",
        "Change the spec as the message says.",
    ),
    Reason.WRONG_HOME_REGION: Explanation(
        "The trail is now in another region than the filters and alarms that were created (`status.region`).",
        "Create a second TrailAlarmSet with another name, wait until it is Ready, then delete this one, which removes "
        "what it created.",
    ),
    Reason.IDENTITY_MISMATCH: Explanation(
        "The credentials belong to another account than the filters and alarms that were created (`status.accountID`).",
        "Restore credentials for that account, or create a second TrailAlarmSet with another name. Until then nothing "
        "is written, and a deletion waits unless `deletionPolicy` is Retain.",
    ),
    Reason.CONFLICT: Explanation(
        "A metric filter or alarm of that name exists and does not belong to this resource: a filter that "
        "`status.filters` does not list, an alarm without its owner tag, or a composite alarm. Nothing was written to "
        "it. The other alarms are created and corrected as usual.",
        "Delete or rename what the message names, exclude that alarm, or create the TrailAlarmSet with another name.",
    ),
    Reason.QUOTA_EXCEEDED: Explanation(
        "A quota is used up: a log group has at most 100 metric filters, which cannot be raised, and a region a number "
        "of alarms.",
        "Remove filters or alarms that are not needed, or raise the quota for alarms.",
    ),
    Reason.DRIFTED: Explanation(
        "`managementPolicy: Observe`: the filters or alarms differ from the spec; `status.drift` lists the "
        "differences.",
        "Change the spec, or change them where they are managed; or set `managementPolicy: Manage` to have the "
        "operator create and correct them.",
    ),
    Reason.ACCOUNT_NOT_FOUND: Explanation(
        "The AWSAccount with which the filters and alarms were created no longer exists (`status.accountName`).",
        "Create it again. To remove a deleted TrailAlarmSet without it, set `deletionPolicy: Retain`.",
    ),
    Reason.NAMESPACE_NOT_ALLOWED: Explanation(
        "The AWSAccount does not allow this namespace.",
        "Ask an administrator of the AWSAccount to add the namespace to `allowedNamespaces`, by name or by label.",
    ),
    Reason.PAUSED: Explanation(
        "The annotation `trail-operator.dev/paused` of the TrailAlarmSet or its Trail is `true`. If it is that of the "
        "TrailAlarmSet, the operator neither reads nor writes the filters and alarms, and keeps the resource if it is "
        "deleted. If it is that of the Trail, it writes nothing.",
        "Remove the annotation that the message names to resume.",
    ),
    Reason.AWS_UNREACHABLE: Explanation(
        "The filters and alarms could not be read for three resync periods, so their state is unknown.",
        "Check the last error in the message, and the network path from the cluster to AWS.",
    ),
    Reason.INTERNAL_ERROR: Explanation(
        "The operator has a bug.",
        "Report it with the operator's log lines of this TrailAlarmSet. The operator keeps retrying.",
    ),
    Reason.DEFINITION_OUTDATED: Explanation(
        "The CustomResourceDefinition is older than the operator: it does not keep what must be recorded in the status "
        "before anything is created in AWS. Nothing was written to AWS.",
        "Apply the definitions of the operator's version. The operator continues automatically.",
    ),
    Reason.NO_ACTION: Explanation(
        "An alarm notifies nobody: neither it nor the spec has `actions`, or `actionsEnabled` is false. Security Hub "
        "does not accept it.",
        "Set `actions.alarm` to the ARN of an SNS topic.",
    ),
    Reason.TOPIC_NOT_FOUND: Explanation(
        "An SNS topic of `actions` does not exist. CloudWatch does not check that.",
        "Create it with a policy that allows CloudWatch to publish, or correct the ARN.",
    ),
    Reason.TOPIC_WITHOUT_SUBSCRIBER: Explanation(
        "An SNS topic of `actions` has no confirmed subscription: nobody receives its messages. Security Hub does not "
        "accept it.",
        "Subscribe to the topic, and confirm the subscription.",
    ),
    Reason.TRAIL_NOT_LOGGING: Explanation(
        "The trail is not logging, so no event reaches the log group.", "Set `isLogging: true` on the Trail."
    ),
    Reason.EVENTS_NOT_RECORDED: Explanation(
        "The trail does not record the events that an alarm is about, because of its event selectors or its region. "
        "The message names the alarms.",
        "Record management events, read and write, of all regions and services with the Trail; or exclude the alarms.",
    ),
}

ALARM_SET_EXPLANATIONS: dict[Reason, Explanation] = {
    reason: _OF_ALARM_SETS.get(reason) or EXPLANATIONS[reason] for reason in ALARM_SET_REASONS
}
