"""Free ports on loopback.

They are below the range of ports for outgoing connections (/proc/sys/net/ipv4/ip_local_port_range begins at 32768);
otherwise a connection could take one between the choice and the start of its server. A claim keeps other processes of
this user from choosing it.
"""

import fcntl
import json
import os
import random
import socket
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

LOOPBACK = "127.0.0.1"
_CANDIDATES = range(20000, 32000)
_CLAIMS = Path(tempfile.gettempdir()) / f"trail-operator-ports-{os.getuid()}.json"
_CLAIM_SECONDS = 600
"""Longer than a server takes to start."""


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose(names: Iterable[str]) -> dict[str, int]:
    """Return a free port for each name, which no other process of this user chooses for ten minutes."""
    wanted = list(names)
    chosen: list[int] = []
    with _claims() as claims:
        for port in random.SystemRandom().sample(_CANDIDATES, len(_CANDIDATES)):
            if len(chosen) == len(wanted):
                break
            if str(port) not in claims and is_free(port):
                chosen.append(port)
        claims.update({str(port): time.time() for port in chosen})
    return dict(zip(wanted, chosen, strict=True))


@contextmanager
def _claims() -> Iterator[dict[str, float]]:
    """Ports that were chosen recently, and when; additions are saved. One process at a time."""
    with os.fdopen(os.open(_CLAIMS, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        claims = {port: at for port, at in _read(file.read()).items() if 0 <= time.time() - at < _CLAIM_SECONDS}
        yield claims
        file.seek(0)
        file.truncate()
        json.dump(claims, file)


def _read(text: str) -> dict[str, float]:
    try:
        claims = json.loads(text)
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}
