"""The manager: readiness, a start that fails, and an end that first does what others wait for."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from kubernetes.aio.config import kube_config

from tests.patience import seconds
from trail_operator.controllers import Controllers
from trail_operator.manager import Manager, StartError
from trail_operator.metrics import Metrics
from trail_operator.runtime.clock import Clock
from trail_operator.settings import Settings


def make(end: Callable[[str], None] = lambda _: None, **settings: Any) -> Any:
    """A manager that builds no controllers. The tests replace its parts."""
    return Manager(Settings(**settings), cast(Any, None), Metrics(), Clock(), end)


def test_the_lease_is_released_while_a_client_still_reads_slowly() -> None:
    async def scenario() -> None:
        released = asyncio.Event()

        class Elector:
            async def release(self) -> None:
                released.set()

        class Health:
            async def close(self) -> None:
                await released.wait()

        manager = make()
        manager._elector, manager._health = Elector(), Health()
        await asyncio.wait_for(manager.stop(), seconds(20))

    asyncio.run(scenario())


def test_a_process_that_cannot_renew_the_lease_ends() -> None:
    class Elector:
        async def renew(self) -> None:
            raise KeyError("spec")

    ended: list[str] = []
    asyncio.run(make(ended.append)._renew(Elector()))
    assert ["leader election lost" in reason for reason in ended] == [True]


def test_readiness_from_start_to_leading() -> None:
    class Elector:
        observed_recently = True

    class Fence:
        is_leading = True

    manager = make()
    manager._elector, manager._fence = Elector(), Fence()
    assert not manager._is_ready(), "before the Lease was read"
    manager._is_standby = True
    assert manager._is_ready(), "a standby"
    Elector.observed_recently = False
    assert not manager._is_ready(), "a standby that could not take over"
    Elector.observed_recently, manager._is_standby = True, False
    assert not manager._is_ready(), "it holds the Lease, and has not read the objects"
    manager._controllers = cast(Controllers, object())
    assert not manager._is_ready(), "the watches do not run"
    manager.watches._runs = dict.fromkeys(manager.watches._runs, True)
    assert manager._is_ready(), "the leader"
    Fence.is_leading = False
    assert not manager._is_ready(), "its term has ended"


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=rf"127\.0\.0\.1:{port} .*: set another --health-port"):
            asyncio.run(make(health_port=port).start())


@pytest.mark.parametrize("content", [b"clusters: [", b"\xff\xfe", b"clusters: 5"])
def test_an_invalid_kubeconfig_is_named_in_one_line(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kubeconfig"
    path.write_bytes(content)
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    with pytest.raises(StartError) as raised:
        asyncio.run(make(health_port=0).start())
    message = str(raised.value)
    assert message.startswith(f"no access to Kubernetes: the kubeconfig {path} is invalid (")
    assert message.endswith("): correct it, or set KUBECONFIG to another file")
    assert "\n" not in message
