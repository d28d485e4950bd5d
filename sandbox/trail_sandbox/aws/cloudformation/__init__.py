"""CloudFormation: stacks of the few resource types that the project's templates use, and a clear refusal of any other.

moto's CloudFormation skips types that it does not have, so a template without its policies would pass for complete.
`template` and `parameters` read what is given, `functions` computes values, `checks` refuses, `types` makes resources,
`engine` brings a `stack` to its template, `service` answers requests. A resource is made as AWS does it: by calls to
its service with the caller's credentials, so that the caller's permissions apply and every call is recorded.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-whatis-howdoesitwork.html
"""

from trail_sandbox.aws.cloudformation.service import CloudFormation

__all__ = ["CloudFormation"]
