"""Pods' addresses: all of 127.0.0.0/8 is this machine's, so each Pod gets one and may listen on any port of it."""

from collections import deque

_HOSTS = range(1, 255)


class Addresses:
    """The addresses of one sandbox, of which no other sandbox on the machine has any."""

    def __init__(self, port: int) -> None:
        # A port that this sandbox listens on is its own on this machine, so an address made of it is, too.
        # Ports begin at 20000, which gives 127.78.0.0 and up: clear of 127.0.0.1 and of resolvers' 127.0.0.53.
        self._prefix = f"127.{port >> 8}.{port & 0xFF}"
        self._free = deque(f"{self._prefix}.{host}" for host in _HOSTS)

    def take(self, wanted: str | None = None) -> str:
        """An address that no Pod has, the one that was free for longest; or `wanted`, where it is free."""
        if wanted and wanted in self._free:
            self._free.remove(wanted)
            return wanted
        try:
            return self._free.popleft()
        except IndexError:
            raise RuntimeError(f"all {len(_HOSTS)} addresses of the node are taken by Pods") from None

    def give_back(self, address: str) -> None:
        """The address is free again."""
        self._free.append(address)
