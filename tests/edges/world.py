"""What the tests of this folder share: many Trails at once, and a process that is started again when it ends."""

import re
from collections.abc import Collection
from typing import Any, Self

import requests

from tests.edges.proxy import Proxy, Request, Twist
from tests.integration.aws import REGION, Account
from tests.integration.kubernetes import Trails, trail
from tests.integration.process import Operator
from tests.patience import eventually

# All test processes compare with AWS every two seconds, give or take a fifth.
RESYNC = 2.0
HEALS = 2 * 1.2 * RESYNC + 1.0
"""Two resyncs and a pass, on a machine at rest."""
RESTARTS = HEALS + 20.0
"""The same where the process may have to start first."""
# Trails of different regions are written at the same time.
REGIONS = (REGION, "eu-central-1", "eu-west-1", "us-west-2", "eu-north-1", "ap-south-1", "us-east-2", "ca-central-1")


class Supervised:
    """An operator that is started again whenever it ends, as kubelet does; its status must not be 0 then."""

    def __init__(self, operator: Operator, proxy: Proxy) -> None:
        self._operator = operator
        self._proxy = proxy
        self.exits: list[str] = []
        """The last lines of processes that have ended."""

    @property
    def running(self) -> bool:
        return self._operator.running

    def start(self) -> Self:
        """Start it, and wait until it watches."""
        self._operator.log.touch()
        begins = self._operator.log.stat().st_size
        self._operator.start(wait=False)
        eventually(
            "the operator watches",
            lambda: self.tend(wait=False) and b"watching Trails" in self._operator.log.read_bytes()[begins:],
            60,
        )
        return self

    def stop(self) -> None:
        """SIGTERM."""
        self.tend()
        assert self._operator.stop() == 0

    def tend(self, wait: bool = True) -> bool:
        """Start it again if it has ended; always True. `wait`: until it watches."""
        if not self.running:
            process = self._operator.process
            last = self._operator.log.read_text().splitlines()[-1]
            assert process is not None
            assert process.poll() == 1, f"ended as if that was meant: {last}"
            assert last.startswith("trail-operator run: "), f"does not say why it ends: {last}"
            self.exits.append(last)
            if wait:
                self.start()
            else:
                self._operator.start(wait=False)
        return True

    def twist_watch(self, kind: str, twist: Twist, case: str) -> None:
        """Cut all watches, and twist the answer to the next request of one; return once it watches again."""

        def is_watch(request: Request) -> bool:
            return request.is_watch and request.path.partition("?")[0].endswith(kind)

        before = len(self.exits)
        rule = self._proxy.twist(is_watch, twist, count=1)
        self._proxy.cut()
        eventually(f"{case}: twisted", lambda: rule.hits)
        eventually(f"{case}: resumed, or ended", lambda: not self.running or self._proxy.last(is_watch) > rule.last, 60)
        self.tend()
        assert len(self.exits) <= before + 1

    def metric(self, name: str) -> float:
        """A metric without labels."""
        (address,) = re.findall(r"health endpoints and metrics on (\S+)", self._operator.log.read_text())[-1:]
        text = requests.get(f"http://{address}/metrics", timeout=30).text
        (value,) = re.findall(rf"^{name} (\S+)$", text, re.MULTILINE)
        return float(value)


class World:
    """Trails of one namespace and one account, spread over regions."""

    def __init__(self, account: Account, trails: Trails) -> None:
        self.account = account
        self.trails = trails
        self.bucket = f"logs-{account.number}"
        account.open_bucket(self.bucket)
        self._regions: dict[str, str] = {}

    def create(self, *names: str, wait: bool = True, **spec: Any) -> None:
        """Create Trails, and wait until all are Ready."""
        for name in names:
            region = self._regions[name] = REGIONS[len(self._regions) % len(REGIONS)]
            self.trails.create(trail(name, self.bucket, region=region, isMultiRegionTrail=False, **spec))
        if wait:
            eventually("all Trails Ready", lambda: not self.not_ready(*names), 60)

    def not_ready(self, *names: str) -> set[str]:
        return set(names) - self.trails.ready()

    def there(self, *names: str) -> set[str]:
        return set(names) & set(self.trails.names())

    def in_aws(self) -> set[str]:
        """The names of the trails that there are."""
        return {arn.rpartition("/")[2] for arn in self.account.trails()}

    def client(self, name: str) -> Any:
        return self.account.client("cloudtrail", self._regions[name])

    def stop(self, name: str) -> None:
        """Stop a trail's logging by hand."""
        self.client(name).stop_logging(Name=name)

    def silent(self, *names: str) -> Collection[str]:
        """Those that do not log."""
        return [name for name in names if not self.client(name).get_trail_status(Name=name)["IsLogging"]]

    def heals(self, *names: str, operator: Supervised | None = None) -> None:
        """Stop the trails' logging: all are started again within two resyncs."""
        for name in names:
            self.stop(name)
        if operator:
            eventually("the trails log again", lambda: operator.tend() and not self.silent(*names), RESTARTS)
        else:
            eventually("the trails log again", lambda: not self.silent(*names), HEALS + len(names) / len(REGIONS))

    def observes(self, name: str, operator: Supervised) -> bool:
        """Whether a change of the spec is seen."""
        body = self.trails.get(name)
        assert body is not None
        self.trails.change(name, tags=[{"key": "generation", "value": str(body["metadata"]["generation"])}])
        eventually("the new spec", lambda: operator.tend() and not self.not_ready(name), RESTARTS)
        return True
