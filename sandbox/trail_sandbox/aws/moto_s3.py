"""S3 as AWS has it where moto has it otherwise: bucket policies, and who pays for requests."""

import re
from collections.abc import Callable
from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3.exceptions import MalformedXML
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

OWNER_PAYS = "BucketOwner"
REQUESTER_PAYS = "Requester"
_PAYER = re.compile(rb"<Payer>\s*(\w+)\s*</Payer>")
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


def correct() -> None:
    """Take out what moto decides otherwise than AWS."""
    # moto applies a Deny of a bucket policy whatever its Principal and Condition: nobody could repair such a policy.
    FakeBucket.get_permission = lambda *_: PermissionResult.NEUTRAL  # type: ignore[method-assign]
    S3Response._bucket_response = _with_request_payment(S3Response._bucket_response)  # type: ignore[method-assign]


def payer_of(bucket: FakeBucket) -> str:
    """Say who pays for requests."""
    return str(getattr(bucket, "payer", OWNER_PAYS))


def _with_request_payment(method: Callable[..., Any]) -> Callable[..., Any]:
    """Know the requests about who pays, which moto takes for others.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketRequestPayment.html
    """

    def respond(response: S3Response, request: Any, full_url: str) -> Any:
        if "requestPayment" not in response._get_querystring(request, full_url):
            return method(response, request, full_url)
        bucket = response.backend.get_bucket(response.parse_bucket_name_from_url(request, full_url))
        if request.method != "PUT":
            answer = f'<RequestPaymentConfiguration xmlns="{_NAMESPACE}"><Payer>{payer_of(bucket)}</Payer>'
            return f"{answer}</RequestPaymentConfiguration>"
        body = response.body if isinstance(response.body, bytes) else str(response.body).encode()
        payer = _PAYER.search(body)
        if payer is None or payer[1].decode() not in (OWNER_PAYS, REQUESTER_PAYS):
            raise MalformedXML
        bucket.payer = payer[1].decode()
        return ""

    return respond
