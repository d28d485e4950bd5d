"""Handles a request: applies faults, dispatches it, and lists and records it.

Requests to CloudTrail, CloudFormation, AssumeRole and PutEvents are answered by this emulator, all others by moto.
CloudFormation and moto run in threads, all else on the event loop, so that no CloudTrail call sees another one half
done.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from trail_sandbox.aws import answers
from trail_sandbox.aws.access import Authorizer, Permissions, assume_role
from trail_sandbox.aws.arrival import Arrival, check_credentials, read_json, understand
from trail_sandbox.aws.calls import Call, CallLog
from trail_sandbox.aws.cloudformation import CloudFormation
from trail_sandbox.aws.cloudtrail import Call as CloudTrailCall
from trail_sandbox.aws.cloudtrail import CloudTrail
from trail_sandbox.aws.delivery import Delivery
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.eventbridge import EventBridge
from trail_sandbox.aws.events import ApiEvent, Caller
from trail_sandbox.aws.faults import Fault, Faults
from trail_sandbox.aws.http import INVOKED_BY, HttpAnswer, HttpRequest
from trail_sandbox.aws.identity import session_token
from trail_sandbox.aws.long_polling import Wait, has_message
from trail_sandbox.aws.models import UNKNOWN
from trail_sandbox.aws.moto_app import Moto
from trail_sandbox.aws.rates import RateLimits
from trail_sandbox.aws.refusals import check_policies
from trail_sandbox.aws.regions import partition_of
from trail_sandbox.aws.roles import Roles
from trail_sandbox.aws.settings import Settings

_THREADS = 16
_SECONDS_AFTER_NOTHING = 0.05

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How a request ended."""

    answer: HttpAnswer
    output: Mapping[str, Any] | None = None
    error: AwsError | None = None


class Front:
    """All of the emulated AWS behind one port, but for the control API."""

    def __init__(
        self,
        *,
        cloudtrail: CloudTrail,
        moto: Moto,
        cloudformation: CloudFormation,
        authorizer: Authorizer,
        roles: Roles,
        delivery: Delivery,
        bus: EventBridge,
        calls: CallLog,
        faults: Faults,
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        self._cloudtrail = cloudtrail
        self._moto = moto
        self._cloudformation = cloudformation
        self._authorizer = authorizer
        self._roles = roles
        self._delivery = delivery
        self._bus = bus
        self._calls = calls
        self._faults = faults
        self._settings = settings
        self._clock = clock
        self._rates = RateLimits(time.monotonic)
        self._threads = ThreadPoolExecutor(_THREADS, "moto")
        # Apart from moto's: a stack waits for calls that those answer.
        self._stack_threads = ThreadPoolExecutor(_THREADS, "cloudformation")

    async def handle(self, request: HttpRequest) -> HttpAnswer | None:
        """Answer a request; None is that the connection is to be closed without an answer."""
        arrival = understand(request, self._clock())
        call = self._list(arrival)
        scope = arrival.scope
        fault = self._faults.hit(scope.service, arrival.operation.name, arrival.account, scope.region)
        outcome = await (self._act(arrival) if fault is None else self._act_faultily(fault, arrival))
        if outcome is None:
            return None
        call.error = outcome.error.code if outcome.error else None
        call.answered = True
        return outcome.answer

    def _list(self, arrival: Arrival) -> Call:
        return self._calls.arrive(
            time=arrival.time.isoformat(),
            account=arrival.account,
            region=arrival.scope.region,
            service=arrival.scope.service,
            operation=arrival.operation.name,
            parameters=arrival.operation.parameters,
            caller_arn=arrival.caller.arn if arrival.caller else None,
        )

    async def _act_faultily(self, fault: Fault, arrival: Arrival) -> Outcome | None:
        """Do what a fault leaves of a request; None is a lost answer."""
        outcome = await self._act(arrival) if fault.when == "after" else None
        await fault.hold()
        if fault.drop:
            return None
        if fault.answer:
            return Outcome(fault.answer, error=AwsError("Garbled", "", fault.answer.status))
        if fault.error:
            error = AwsError(fault.error, fault.message, answers.status_of(fault.error, arrival.operation.protocol))
            return _failed(error, arrival)
        return outcome or await self._act(arrival)

    async def _act(self, arrival: Arrival) -> Outcome:
        # What a deletion was about cannot be found any more when it is recorded.
        resources = None
        if arrival.caller is not None and arrival.operation.name.startswith("Delete"):
            resources = self._delivery.resources(self._event(arrival, arrival.caller))
        try:
            check_credentials(arrival)
            outcome = await self._dispatch(arrival)
        except AwsError as error:
            outcome = _failed(error, arrival)
        except Exception as error:
            logger.exception("%s %s failed", arrival.scope.service, arrival.operation.name)
            outcome = _failed(AwsError("InternalFailure", f"{type(error).__name__}: {error}", 500), arrival)
        if arrival.caller is not None:
            self._delivery.record(self._event(arrival, arrival.caller, outcome), resources)
        return outcome

    async def _dispatch(self, arrival: Arrival) -> Outcome:
        if arrival.operation.name == UNKNOWN and arrival.environ is not None:
            raise _unknown_operation(arrival.operation.protocol)
        if arrival.caller is None:
            # STS alone takes requests without credentials.
            return await self._ask_moto(arrival, "")
        permissions = self._authorizer.permissions(arrival, arrival.caller)
        if arrival.environ is None:
            return self._ask_cloudtrail(arrival, permissions)
        if (arrival.scope.service, arrival.operation.name) == ("sts", "AssumeRole"):
            return self._assume_role(arrival, permissions)
        if (arrival.scope.service, arrival.operation.name) == ("events", "PutEvents"):
            return self._put_events(arrival, permissions)
        account = self._authorizer.check(arrival, permissions)
        if arrival.scope.service == "cloudformation":
            return await self._ask_cloudformation(arrival, account)
        if (arrival.scope.service, arrival.operation.name) == ("sqs", "ReceiveMessage"):
            return await self._receive(arrival, account)
        return await self._ask_moto(arrival, account)

    def _ask_cloudtrail(self, arrival: Arrival, permissions: Permissions) -> Outcome:
        body = read_json(arrival.request)
        account = self._authorizer.check(arrival, permissions)
        call = CloudTrailCall(arrival.operation.name, account, arrival.scope.region, body, permissions.allow)
        output = self._cloudtrail.answer(call)
        return Outcome(answers.success(output, arrival.id), output)

    def _assume_role(self, arrival: Arrival, permissions: Permissions) -> Outcome:
        output = assume_role(arrival.operation.parameters, permissions, self._settings.session_seconds)
        answer = answers.query_success(arrival.operation.name, output, arrival.id)
        told = {name: value for name, value in output["Credentials"].items() if name != "SecretAccessKey"}
        return Outcome(answer, output | {"Credentials": told})

    async def _ask_cloudformation(self, arrival: Arrival, account: str) -> Outcome:
        """Pass a request on, with the caller's credentials for the calls that follow from it."""
        scope, operation = arrival.scope, arrival.operation
        clients = self._cloudformation.clients(scope.region, scope.access_key_id, session_token(arrival.request))
        answer, parameters = self._cloudformation.answer, operation.parameters
        loop = asyncio.get_running_loop()
        output = await loop.run_in_executor(self._stack_threads, answer, operation.name, account, clients, parameters)
        return Outcome(answers.query_success(operation.name, output, arrival.id), output)

    def _put_events(self, arrival: Arrival, permissions: Permissions) -> Outcome:
        self._authorizer.check(arrival, permissions)
        body = read_json(arrival.request)
        entries = body.get("Entries") if isinstance(body, dict) else None
        given = [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
        output = self._bus.put(permissions.caller.account, arrival.scope.region, given)
        return Outcome(answers.success(output, arrival.id), output)

    async def _receive(self, arrival: Arrival, account: str) -> Outcome:
        """Ask moto for messages once there are some: another receiver may be faster, and then it is waited again."""
        wait = Wait(account, arrival.scope.region, arrival.operation.parameters, arrival.request.is_gone)
        while await wait.for_message():
            outcome = await self._ask_moto(arrival, account)
            if outcome.error or has_message(outcome.answer) or wait.is_over:
                return outcome
            await asyncio.sleep(_SECONDS_AFTER_NOTHING)
        return Outcome(HttpAnswer(200))

    async def _ask_moto(self, arrival: Arrival, account: str) -> Outcome:
        if self._settings.rates:
            self._rates.take(arrival.scope.service, arrival.operation.name, account, arrival.scope.region)
        partition = partition_of(arrival.scope.region)
        check_policies(arrival.scope.service, arrival.operation, partition)
        if arrival.scope.service == "iam":
            self._roles.before(partition, account, arrival.operation.name, arrival.operation.parameters)
        if arrival.environ is not None:
            arrival.environ["wsgi.input"].seek(0)
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._threads, self._moto.answer, arrival.environ or {}, account)
        if arrival.scope.service == "organizations":
            self._cloudtrail.follow_organizations()
        answer = answers.identified(answer, arrival.id, arrival.operation.protocol)
        code, message = answers.error_of(answer)
        return Outcome(answer, error=AwsError(code, message or "", answer.status) if code else None)

    def _event(self, arrival: Arrival, caller: Caller, outcome: Outcome | None = None) -> ApiEvent:
        """Describe a request, with its outcome once it has one."""
        error = outcome.error if outcome else None
        # A service that calls for somebody is named in place of its address and client, too:
        # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
        service = arrival.request.headers.get(INVOKED_BY)
        return ApiEvent(
            time=arrival.time,
            region=arrival.scope.region,
            service=arrival.scope.service,
            operation=arrival.operation.name,
            parameters=arrival.operation.parameters,
            response=outcome.output if outcome else None,
            caller=replace(caller, invoked_by=service) if service else caller,
            source_ip=service or arrival.request.source_ip,
            user_agent=service or arrival.request.headers.get("user-agent", ""),
            request_id=arrival.id,
            error_code=error.code if error else None,
            error_message=error.message if error else None,
        )


def _unknown_operation(protocol: str) -> AwsError:
    if protocol == "rest-xml":
        return AwsError("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)
    if protocol == "json":
        return AwsError("UnknownOperationException", "")
    return AwsError("InvalidAction", "Could not find such an operation.")


def _failed(error: AwsError, arrival: Arrival) -> Outcome:
    return Outcome(answers.failure(arrival.operation.protocol, error, arrival.id), error=error)
