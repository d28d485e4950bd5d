"""What operators under test are forked with: the command, and the files of botocore that each would read again."""

import gc
from functools import cache

import boto3
from botocore.loaders import JSONFileLoader

import trail_operator.cli  # noqa: F401
from trail_operator.aws.operations import Read

_read = cache(JSONFileLoader().load_file)
JSONFileLoader.load_file = lambda self, file_path: _read(file_path)  # type: ignore[method-assign]
_session = boto3.Session(region_name="us-east-1")
for _service in {operation.service for operation in Read}:
    _session.client(_service)  # type: ignore[call-overload]
gc.freeze()  # a garbage collection in an operator would write to all of this, and so copy it
