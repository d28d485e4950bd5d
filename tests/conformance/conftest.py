"""The harness: which endpoint the facts are checked against, whose account, which region, and the report.

Nothing in a fact knows which endpoint it talks to.
"""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass

import boto3
import pytest

from tests.conformance import report
from tests.conformance.account import Account, Clients, Trail
from tests.conformance.endpoints import AWS, EMULATOR, MOTO, Endpoint, start
from tests.conformance.undo import Undo
from tests.patience import seconds

_URL = "CONFORMANCE_URL"
_SETTLES = {EMULATOR: 10.0, MOTO: 0.3, AWS: 120.0}
_DELIVERS = {EMULATOR: 20.0, MOTO: 0.3, AWS: 2 * 3600.0}  # AWS writes digests hourly
# Regions that are on in every account; us-east-1 is left to the facts that are about it.
_REGIONS = (
    *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
    *("ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3"),
    *("sa-east-1", "us-east-2", "us-west-1", "us-west-2"),
)
_MARKERS = (
    "fact(source): a fact about AWS, and where it is told",
    "unverified(why): a fact that no source proves",
    "costs: checking it costs money on AWS",
    "slow: checking it takes minutes on AWS",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the choice of the endpoint."""
    group = parser.getgroup("conformance")
    group.addoption("--endpoint", choices=[EMULATOR, MOTO, AWS], default=EMULATOR, help="what to check facts against")
    group.addoption("--prefix", default="", help="of the name of everything that is made")
    group.addoption("--spend", action="store_true", help="check on AWS what costs money, too")


def pytest_configure(config: pytest.Config) -> None:
    """Start the endpoint; parallel workers find it started."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    name = _name(config)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(report.Report(name), "conformance-report")
    if name == AWS and not config.getoption("prefix"):
        raise pytest.UsageError("--endpoint aws needs --prefix: the names of everything that is made begin with it")
    if name != AWS and _URL not in os.environ and not config.getoption("collectonly", False):
        os.environ[_URL], end = start(name)
        config.add_cleanup(end)
        config.add_cleanup(lambda: os.environ.__delitem__(_URL))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Hold every fact to having a source, and hand what is known of it to the report."""
    for item in items:
        if not item.nodeid.startswith("tests/conformance/"):
            continue
        source = item.get_closest_marker("fact")
        if source is None:
            raise pytest.UsageError(f"{item.nodeid} has no source: mark it with @fact(source)")
        item.user_properties.append(("source", source.args[0]))
        doubt = item.get_closest_marker("unverified")
        if doubt is not None:
            item.user_properties.append(("unverified", doubt.args[0]))


def _name(config: pytest.Config) -> str:
    name: str = config.getoption("endpoint", EMULATOR)
    return name


@dataclass
class Place:
    """Whose account facts are checked in, and the regions for them in turn."""

    endpoint: Endpoint
    undo: Undo
    number: str
    regions: Iterator[str]
    accounts: Iterator[str]

    def __post_init__(self) -> None:
        self._clients = Clients(self.endpoint, self.undo)

    def account(self, number: str, region: str) -> Account:
        """Give an account."""
        return Account(self._clients, number, region)


@pytest.fixture(scope="session")
def place(pytestconfig: pytest.Config) -> Place:
    """The endpoint, and an account of it; each parallel worker has its own."""
    name = _name(pytestconfig)
    endpoint = Endpoint(
        name,
        os.environ[_URL] if name != AWS else None,
        pytestconfig.getoption("prefix", "") or "conformance-",
        seconds(_SETTLES[name]) if name == EMULATOR else _SETTLES[name],
        seconds(_DELIVERS[name]) if name == EMULATOR else _DELIVERS[name],
        name != AWS or pytestconfig.getoption("spend", False),
    )
    endpoint.await_answer()
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    accounts = (f"8{worker:03d}{number:08d}" for number in itertools.count())
    number = next(accounts) if endpoint.has_accounts else boto3.client("sts").get_caller_identity()["Account"]
    # Each worker begins elsewhere, since on AWS they share an account.
    regions = itertools.islice(itertools.cycle(_REGIONS), worker * 3, None)
    return Place(endpoint, Undo(), number, regions, accounts)


@pytest.fixture
def aws(place: Place, request: pytest.FixtureRequest) -> Iterator[Account]:
    """The account, in a region that the fact has for itself. What the fact makes is deleted at its end."""
    if request.node.get_closest_marker("costs") and not place.endpoint.spends:
        pytest.skip("costs money: --spend")
    yield place.account(place.number, next(place.regions))
    place.undo.all()


@pytest.fixture
def main_region(place: Place, aws: Account) -> Account:
    """The account in us-east-1, where the global services are."""
    return place.account(place.number, "us-east-1")


@pytest.fixture
def elsewhere(place: Place) -> str:
    """Another region than the fact's."""
    return next(place.regions)


@pytest.fixture
def another(place: Place, aws: Account) -> Account:
    """Another account in the same region."""
    if not place.endpoint.has_accounts:
        pytest.skip("needs a second account")
    return place.account(next(place.accounts), aws.region)


@pytest.fixture
def trail(aws: Account) -> Trail:
    """A trail as CreateTrail makes it by default."""
    return aws.trail()


@pytest.fixture
def quiet(aws: Account) -> Trail:
    """A trail that records nothing: it costs nothing while it logs."""
    return aws.quiet()
