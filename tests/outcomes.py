"""What calls to AWS come to."""

from typing import Any

from botocore.exceptions import ClientError


def outcome(call: Any, **parameters: Any) -> str:
    """What a call comes to: ok, or the code of its error."""
    try:
        call(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "ok"
