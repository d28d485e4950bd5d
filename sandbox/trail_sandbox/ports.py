"""Free ports on loopback.

They are taken from below the range from which the kernel gives ports to outgoing connections
(/proc/sys/net/ipv4/ip_local_port_range begins at 32768), which else would now and then take one between the choice
and the start of the server that is to listen on it.
"""

import random
import socket
from collections.abc import Iterable

LOOPBACK = "127.0.0.1"
_CANDIDATES = range(20000, 32000)


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
    """A free port for each name."""
    wanted = list(names)
    chosen: list[int] = []
    for port in random.sample(_CANDIDATES, len(_CANDIDATES)):
        if len(chosen) == len(wanted):
            break
        if is_free(port):
            chosen.append(port)
    return dict(zip(wanted, chosen, strict=True))
