"""Digest files: each lists the log files of its period with their hashes, and carries the hash and signature of the one
before, so that no file can be changed or taken away unnoticed.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
The text to sign is of five fields, as `aws cloudtrail validate-logs` puts them together.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trail_sandbox.aws.delivery.record import timestamp
from trail_sandbox.aws.delivery.signing import SIGNATURE_ALGORITHM, SigningKey

HASH_ALGORITHM = "SHA-256"


@dataclass(frozen=True)
class LogFile:
    """A delivered log file. The hash is of its uncompressed content."""

    bucket: str
    key: str
    sha256: str
    oldest_event: datetime
    newest_event: datetime


@dataclass(frozen=True)
class Digest:
    """A digest file: the link that the next of its chain refers to."""

    bucket: str
    key: str
    end: datetime
    content: bytes
    signature: str

    @property
    def metadata(self) -> dict[str, str]:
        """The object's user metadata, where the signature stands (x-amz-meta-signature)."""
        return {"signature": self.signature, "signature-algorithm": SIGNATURE_ALGORITHM}


@dataclass(frozen=True)
class Period:
    """What a digest is about: an account's log files of a period, and where the digest goes."""

    account: str
    bucket: str
    key: str
    start: datetime
    end: datetime
    log_files: Sequence[LogFile]


def make(period: Period, previous: Digest | None, signing_key: SigningKey) -> Digest:
    """Write and sign the digest of a period; one without predecessor begins a chain."""
    content = json.dumps(_members(period, previous, signing_key), separators=(",", ":")).encode()
    signature = signing_key.sign(text_to_sign(period, content, previous.signature if previous else None))
    return Digest(period.bucket, period.key, period.end, content, signature)


def text_to_sign(period: Period, content: bytes, previous_signature: str | None) -> str:
    """Put together what is signed: end, place, hash, and the signature before (the word null if there is none)."""
    return "\n".join(
        [
            timestamp(period.end),
            f"{period.bucket}/{period.key}",
            sha256(content),
            previous_signature or "null",
        ]
    )


def sha256(content: bytes) -> str:
    """Hash uncompressed content, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _members(period: Period, previous: Digest | None, signing_key: SigningKey) -> dict[str, Any]:
    files = period.log_files
    return {
        "awsAccountId": period.account,
        "digestStartTime": timestamp(period.start),
        "digestEndTime": timestamp(period.end),
        "digestS3Bucket": period.bucket,
        "digestS3Object": period.key,
        "digestPublicKeyFingerprint": signing_key.public.fingerprint,
        "digestSignatureAlgorithm": SIGNATURE_ALGORITHM,
        "newestEventTime": timestamp(max(file.newest_event for file in files)) if files else None,
        "oldestEventTime": timestamp(min(file.oldest_event for file in files)) if files else None,
        "previousDigestS3Bucket": previous.bucket if previous else None,
        "previousDigestS3Object": previous.key if previous else None,
        "previousDigestHashValue": sha256(previous.content) if previous else None,
        "previousDigestHashAlgorithm": HASH_ALGORITHM if previous else None,
        "previousDigestSignature": previous.signature if previous else None,
        "logFiles": [
            {
                "s3Bucket": file.bucket,
                "s3Object": file.key,
                "hashValue": file.sha256,
                "hashAlgorithm": HASH_ALGORITHM,
                "newestEventTime": timestamp(file.newest_event),
                "oldestEventTime": timestamp(file.oldest_event),
            }
            for file in files
        ],
    }
