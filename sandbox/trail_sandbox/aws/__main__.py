"""`python -m trail_sandbox.aws --host 127.0.0.1 --port 4566`: the emulated AWS, until SIGTERM."""

import argparse
import asyncio
import logging
import os

from trail_sandbox.aws.server import serve
from trail_sandbox.aws.settings import Settings


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m trail_sandbox.aws", description="An AWS on one port.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--no-background",
        dest="background",
        action="store_false",
        help="rounds of delivery run only when they are asked for; the setting `background` switches them on",
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(serve(arguments.host, arguments.port, Settings(background=arguments.background)))
    # A thread that is in a call would hold the exit for as long.
    os._exit(0)


if __name__ == "__main__":
    main()
