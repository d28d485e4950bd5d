"""What operators under test are forked with: the command, and the files of botocore that each would read again."""

import gc
from functools import cache

import botocore.session
import yaml
from botocore.loaders import JSONFileLoader, create_loader

import trail_operator.cli.operator_process  # noqa: F401 - the command imports it late
from trail_operator.aws import client_pool
from trail_operator.aws.operations import Read

_read = cache(JSONFileLoader().load_file)
JSONFileLoader.load_file = lambda self, file_path: _read(file_path)  # type: ignore[method-assign]
_loader = create_loader()
vars(client_pool)["create_loader"] = lambda: _loader
_session = botocore.session.get_session()
_session.register_component("data_loader", _loader)
for _service in {operation.service for operation in Read}:
    _session.create_client(_service, region_name="us-east-1")
vars(yaml)["SafeLoader"] = yaml.CSafeLoader  # a kubeconfig is read four times as fast
gc.freeze()  # a garbage collection in an operator would write to all of this, and so copy it
