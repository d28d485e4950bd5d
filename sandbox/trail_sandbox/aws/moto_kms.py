"""KMS as AWS has it where moto has it otherwise: ids of multi-region keys, keys that AWS manages, keys by their ARN."""

import json
import re
import uuid
from collections.abc import Callable
from copy import copy
from functools import cache
from typing import Any

from moto.kms import models
from moto.kms.exceptions import AccessDeniedException, NotFoundException
from moto.kms.models import Key, KmsBackend
from moto.kms.responses import KmsResponse
from moto.kms.utils import RESERVED_ALIASES, AbstractPrivateKey, generate_private_key

_KEY_ID = re.compile(r"\A(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\Z", re.IGNORECASE)
_MANAGED = "AWS"
_SYMMETRIC = "SYMMETRIC_DEFAULT"
_CHANGES_OF_KEYS = (
    *("put_key_policy", "disable_key", "enable_key", "schedule_key_deletion", "cancel_key_deletion"),
    *("enable_key_rotation", "disable_key_rotation", "update_key_description"),
)


def correct() -> None:
    """Take out what moto decides otherwise than AWS."""
    models.generate_key_id = _key_id  # type: ignore[attr-defined]
    models.generate_private_key = _private_key  # type: ignore[attr-defined]
    KmsResponse._validate_cmk_id = _check_key  # type: ignore[method-assign, assignment]
    # moto makes each of AWS's managed keys when its alias is first asked for, but does not know all of them.
    if "alias/aws/sns" not in RESERVED_ALIASES:
        RESERVED_ALIASES.append("alias/aws/sns")
    KmsBackend._generate_default_keys = _managed_key  # type: ignore[method-assign, assignment]
    for name in _CHANGES_OF_KEYS:
        setattr(KmsBackend, name, _change(getattr(KmsBackend, name)))
    KmsBackend.replicate_key = _replication(KmsBackend.replicate_key)  # type: ignore[method-assign]


def _key_id(multi_region: bool = False) -> str:
    """https://docs.aws.amazon.com/kms/latest/developerguide/mrk-how-it-works.html: `mrk-` and 32 hexadecimal digits."""
    return f"mrk-{uuid.uuid4().hex}" if multi_region else str(uuid.uuid4())


def _private_key(key_spec: str) -> AbstractPrivateKey:
    """Make a key pair; all symmetric keys share one, which none of them uses and which takes moto 50 ms to make."""
    return _shared_private_key() if key_spec == _SYMMETRIC else generate_private_key(key_spec)


@cache
def _shared_private_key() -> AbstractPrivateKey:
    return generate_private_key(_SYMMETRIC)


def _check_key(response: KmsResponse, key_id: str) -> None:
    """Refuse what is neither the id nor the ARN of a key that is there."""
    name = response.kms_backend.get_key_id(key_id)
    if not _KEY_ID.match(name):
        raise NotFoundException(f"Invalid keyId {key_id}")
    if name not in response.kms_backend.keys:
        raise NotFoundException(f"Key '{response._display_arn(key_id)}' does not exist")


def _managed_key(kms: KmsBackend, alias: str) -> str | None:
    """Make the key of a service that encrypts with one of its own in every account: alias/aws/SERVICE.

    https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-key
    """
    if alias not in RESERVED_ALIASES:
        return None
    service = alias.rpartition("/")[2]
    policy = _managed_policy(service, kms.account_id, kms.region_name, kms.partition)
    description = f"Default key that protects my {service} data when no other key is defined"
    key = kms.create_key(json.dumps(policy), "ENCRYPT_DECRYPT", _SYMMETRIC, description, None)
    key.key_manager = _MANAGED
    kms.create_alias(key.id, alias)
    return key.id


def _managed_policy(service: str, account: str, region: str, partition: str) -> dict[str, Any]:
    """Everybody in the account may use the key through its service and describe it, and no more."""
    use = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey"]
    through = {"kms:CallerAccount": account, "kms:ViaService": f"{service}.{region}.amazonaws.com"}
    return {
        "Version": "2012-10-17",
        "Id": f"auto-{service}-1",
        "Statement": [
            {
                "Sid": f"Allow access through {service} for all principals in the account that may use it",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": use,
                "Resource": "*",
                "Condition": {"StringEquals": through},
            },
            {
                "Sid": "Allow direct access to key metadata to the account",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
                "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
                "Resource": "*",
            },
        ],
    }


def _change(method: Callable[..., Any]) -> Callable[..., Any]:
    """Take a key's ARN wherever KMS takes its id, and refuse to change a key that AWS manages.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying.html. With which error is not documented:
    the key's own policy allows nobody to.
    """

    def change(kms: KmsBackend, key_id: str, *arguments: Any, **keywords: Any) -> Any:
        name = kms.get_key_id(key_id)
        key = kms.keys.get(name)
        if key is not None and key.key_manager == _MANAGED:
            raise AccessDeniedException(f"{key.arn} is an AWS managed key: no policy allows anybody to change it")
        return method(kms, name, *arguments, **keywords)

    return change


def _replication(method: Callable[..., Key]) -> Callable[..., Key]:
    """Let a replica describe itself as one: in moto it shares the description of its primary."""

    def replicate(kms: KmsBackend, key_id: str, replica_region: str) -> Key:
        replica = method(kms, kms.get_key_id(key_id), replica_region)
        replica.multi_region_configuration = copy(replica.multi_region_configuration)
        replica.aliases, replica.grants = {}, {}
        return replica

    return replicate
