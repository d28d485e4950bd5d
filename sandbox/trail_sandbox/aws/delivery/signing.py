"""The keys that sign digest files: a pair for each region, made when it is first needed, as long as the process lives.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SIGNATURE_ALGORITHM = "SHA256withRSA"
_VALIDITY = timedelta(days=365)


@dataclass(frozen=True)
class PublicKey:
    """A key as ListPublicKeys describes it: PKCS #1 in DER, its fingerprint, and when it is valid."""

    value: bytes
    fingerprint: str
    validity_start: datetime
    validity_end: datetime


class SigningKey:
    """One region's key pair, valid from the beginning of the day on which it was made."""

    def __init__(self, now: datetime) -> None:
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._since = now.replace(hour=0, minute=0, second=0, microsecond=0)

    @cached_property
    def public(self) -> PublicKey:
        """The public half. The fingerprint is an MD5 over it, 32 hexadecimal digits as in AWS's examples."""
        der = self._private.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
        fingerprint = hashlib.md5(der, usedforsecurity=False).hexdigest()
        return PublicKey(der, fingerprint, self._since, self._since + _VALIDITY)

    def sign(self, text: str) -> str:
        """Sign a text; the signature in hexadecimal digits."""
        return self._private.sign(text.encode(), padding.PKCS1v15(), SHA256()).hex()


class SigningKeys:
    """The key pairs of all regions."""

    def __init__(self) -> None:
        self._keys: dict[str, SigningKey] = {}

    def of_region(self, region: str, now: datetime) -> SigningKey:
        """Give the region's key pair, making it at its first use."""
        if region not in self._keys:
            self._keys[region] = SigningKey(now)
        return self._keys[region]
