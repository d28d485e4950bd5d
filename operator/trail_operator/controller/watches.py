"""Whether kopf's watches run: read off the requests that it makes, since it does not tell.

One that leads and does not watch works on what it knew at the start: it is not fit, and that is to be seen.
"""

from collections.abc import Collection
from types import SimpleNamespace

from aiohttp import ClientSession, TraceConfig, TraceRequestEndParams, TraceRequestExceptionParams
from yarl import URL

from trail_operator.api.names import ACCOUNTS, GROUP, PLURAL, VERSION

_API = f"/apis/{GROUP}/{VERSION}"


class Watches:
    """What is to be watched, and how the last request for each has ended."""

    def __init__(self, namespaces: Collection[str]) -> None:
        """`namespaces`: those whose Trails are watched, none for all."""
        trails = [f"{_API}/namespaces/{name}/{PLURAL}" for name in namespaces] or [f"{_API}/{PLURAL}"]
        self._runs = dict.fromkeys([*trails, f"{_API}/{ACCOUNTS}", "/api/v1/namespaces"], False)

    @property
    def run(self) -> bool:
        """Whether all run: the API server has answered the last request of each, which was to watch."""
        return all(self._runs.values())

    def trace(self) -> TraceConfig:
        """What tells of a session's requests."""
        trace = TraceConfig()
        trace.on_request_end.append(self._answered)
        trace.on_request_exception.append(self._failed)
        return trace

    async def _answered(self, _: ClientSession, __: SimpleNamespace, request: TraceRequestEndParams) -> None:
        is_watch = request.url.query.get("watch") == "true"
        if request.response.status != 200:
            self._note(request.url, False)
        elif is_watch:
            self._note(request.url, True)

    async def _failed(self, _: ClientSession, __: SimpleNamespace, request: TraceRequestExceptionParams) -> None:
        self._note(request.url, False)

    def _note(self, url: URL, runs: bool) -> None:
        # The server's own path may stand before.
        for path in self._runs:
            if url.path.endswith(path):
                self._runs[path] = runs
