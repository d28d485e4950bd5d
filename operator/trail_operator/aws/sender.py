"""Sends one request to AWS: in a thread, with the account's credentials, measured and checked."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError

from trail_operator.aws.cancel_scope import CancelScope
from trail_operator.aws.client_pool import send
from trail_operator.aws.connection import Connection
from trail_operator.aws.error_codes import NO_ANSWER, OK
from trail_operator.aws.errors import is_expired, is_from_assume_role, translate
from trail_operator.aws.operations import Operation
from trail_operator.aws.responses import check_subject
from trail_operator.aws.unanswered import failure_without_answer
from trail_operator.domain.failure import FailureError
from trail_operator.runtime.concurrency import FairSemaphore

# The most calls of one client in progress: an account that does not answer occupies no more threads.
CALLS_AT_ONCE = 6

T = TypeVar("T")


class UnexpectedError(Exception):
    """Raised for an exception of botocore that is a bug; its text is only the type, as its own may quote secrets."""


class RequestSender:
    """Sends the requests of one client, which share a few slots."""

    def __init__(self, connection: Connection, scope: CancelScope) -> None:
        self._connection = connection
        self._scope = scope
        self._slots = FairSemaphore(CALLS_AT_ONCE)

    async def send(
        self,
        operation: Operation,
        region: str,
        parameters: Mapping[str, Any],
        on_send: Callable[[], None] = lambda: None,
    ) -> dict[str, Any]:
        """Send one request and return its response. `on_send`: called right before it is handed to a thread.

        Raises ClosedError if the client is closed before the request is sent; otherwise what botocore raises.
        """
        connection, clock = self._connection, self._connection.clock
        started: float | None = None

        def request() -> dict[str, Any]:
            nonlocal started
            started = clock.monotonic()  # without the wait for a thread
            client = connection.pool.client(operation.service, region, connection.endpoint_url)
            with connection.pool.acting_as(connection.credentials, self._scope.check):
                return send(client, operation, parameters)

        action, code = str(operation), NO_ANSWER
        try:
            response = await self._run_in_thread(request, on_send)
            check_subject(operation, region, parameters, response)
            code = OK
        except ClientError as error:
            answered = translate(error, action, region)
            action, code = answered.action, answered.code  # the action is AssumeRole if that was refused
            raise
        finally:
            if started is not None:
                service, name = action.split(":")
                connection.on_call(service, name, code, clock.monotonic() - started)
        return response

    async def access_key(self) -> str:
        """Return the ID of the access key that requests are signed with; assumes the role first if necessary."""
        credentials = self._connection.credentials
        if credentials.is_cached():
            found: ReadOnlyCredentials = credentials.credentials()
        else:
            async with self._scope.cancellable():
                found = await self._run_in_thread(credentials.credentials)
        return str(found.access_key)

    async def _run_in_thread(self, function: Callable[[], T], on_start: Callable[[], None] = lambda: None) -> T:
        def start() -> None:
            self._scope.check()  # the client may have been closed during the wait for a slot
            on_start()

        async with self._slots:
            return await self._connection.executor.run(lambda: self._note_errors(function), start)

    def _note_errors(self, function: Callable[[], T]) -> T:
        """Call a function in its thread; forget expired credentials, and hide the text of exceptions that are bugs."""
        try:
            return function()
        except ClientError as error:
            if is_expired(error):
                # Only this thread knows which credentials have expired: others may have replaced them already.
                self._connection.credentials.invalidate(of_source=is_from_assume_role(error))
            raise
        except FailureError:
            raise
        except Exception as error:
            if failure_without_answer(error, "", "") is None:
                raise UnexpectedError(type(error).__name__).with_traceback(error.__traceback__) from None
            raise
