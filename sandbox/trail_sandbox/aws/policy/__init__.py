"""Evaluation of AWS policy documents, as the emulated services and callers are held to them.

Read in this order: `request` (what is asked), `document` (what a policy says), `conditions` and `patterns` (how the
two are compared), `evaluation` (the answer), `validation` (what AWS refuses to store). The package is pure: it knows
of no trail, bucket or server, takes the time only as a condition key, and grants nothing on its own account.
"""

from trail_sandbox.aws.policy.document import MalformedPolicy
from trail_sandbox.aws.policy.evaluation import Decision, evaluate
from trail_sandbox.aws.policy.request import Principal, Request
from trail_sandbox.aws.policy.validation import PolicyKind, validate, validate_bucket_policy

__all__ = [
    "Decision",
    "MalformedPolicy",
    "PolicyKind",
    "Principal",
    "Request",
    "evaluate",
    "validate",
    "validate_bucket_policy",
]
