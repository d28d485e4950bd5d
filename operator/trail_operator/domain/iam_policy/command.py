"""Which command prints a statement, for messages that say that it is missing."""

from collections.abc import Sequence

from trail_operator.domain.iam_policy import prescribed
from trail_operator.domain.iam_policy.prescribed import Statement

_BY_SERVICE = {
    "s3": "bucket",
    "sns": "topic",
    "kms": "key",
    "sts": "role --part trust",
    "logs": "role --part permissions",
}
_BY_SID = {
    prescribed.TOPIC_KEY_SID: "key --encrypts topic",
    prescribed.ALARM_KEY_SID: "key --encrypts topic",
    prescribed.DEFAULT_KEY_SID: "key --encrypts bucket",
}


def printed_by(statements: Statement | Sequence[Statement]) -> str:
    """Return the command that prints statements for one kind of policy, given a file with the Trail's manifest."""
    first = statements if isinstance(statements, dict) else statements[0]
    action = first["Action"] if isinstance(first["Action"], str) else first["Action"][0]
    kind = _BY_SID.get(str(first.get("Sid"))) or _BY_SERVICE[action.partition(":")[0].lower()]
    return f"trail-operator policy {kind} -f FILE"
