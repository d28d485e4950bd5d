"""Who may call what: every request held to the policies that bind its caller.

Read in this order: `needs` (which actions on which resources a call asks for; `trails`, `s3` and `arns` know the
services), `grants` (the caller's own policies) and `guardrails` (the organization's), `attached` (policies of what
is acted on), `keys` (condition keys), `judgement` (all policies put together), `refusals` (AWS's words), `authorizer`
(what the rest of the emulator asks), `assume_role` (sessions). Credentials are checked before, by `arrival`.
"""

from trail_sandbox.aws.access.assume_role import assume_role
from trail_sandbox.aws.access.authorizer import Authorizer, Permissions

__all__ = ["Authorizer", "Permissions", "assume_role"]
