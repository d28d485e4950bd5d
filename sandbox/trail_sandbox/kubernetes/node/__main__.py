"""`python -m trail_sandbox.kubernetes.node`: the node as a process."""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
from pathlib import Path

from aiohttp import web

from trail_sandbox import processes
from trail_sandbox.kubernetes.node import kubelet
from trail_sandbox.kubernetes.node.addresses import Addresses
from trail_sandbox.kubernetes.node.agent import Agent
from trail_sandbox.kubernetes.node.api import Api
from trail_sandbox.kubernetes.node.pod import NodeContext

_MARKER = "TRAIL_SANDBOX_NODE"
"""Environment variable of every container's processes, by which those of an earlier life of the node are found."""


def main() -> None:
    """Be the node until SIGTERM or SIGINT."""
    options = _parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    # A node that was killed left its containers behind; like a machine that was switched on again, begin with none.
    processes.kill_marked(str(options.directory), _MARKER)
    asyncio.run(_run(options))


async def _run(options: argparse.Namespace) -> None:
    async with Api(options.kubeconfig) as api:
        context = NodeContext(api, options.directory, _variables(options.directory))
        agent = Agent(context, Addresses(options.port))
        await agent.register(options.port)
        runner = web.AppRunner(kubelet.application(agent.log_of))
        await runner.setup()
        tls = kubelet.server_context(options.authority, options.certificate, options.key)
        await web.TCPSite(runner, "127.0.0.1", options.port, ssl_context=tls).start()
        task = asyncio.ensure_future(agent.run())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _variables(directory: Path) -> dict[str, str]:
    """What containers get of the node's own environment: the emulated AWS, and the marks to be found by."""
    passed_on = {k: v for k, v in os.environ.items() if k.startswith("AWS_") or k == processes.MARKER}
    return {**passed_on, _MARKER: str(directory)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--directory", type=Path, required=True, help="for containers' logs and files")
    parser.add_argument("--port", type=int, required=True, help="of the kubelet API")
    for name in ("authority", "certificate", "key"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    return parser


if __name__ == "__main__":
    main()
