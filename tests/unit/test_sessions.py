"""The clients that all identities share: made on first use, dropped when idle or old, and never too many."""

import gc
import itertools
from collections.abc import Iterator

import pytest
from botocore.client import BaseClient
from botocore.exceptions import InvalidRegionError

from trail_operator.aws.client_pool import MOST_CLIENTS, ClientPool
from trail_operator.aws.regions import partition_of
from trail_operator.aws.unanswered import InvalidEndpointError

REGION = "us-east-1"


def test_idle_clients_are_dropped_also_where_no_further_is_made() -> None:
    clock = [0.0]
    sessions = ClientPool(REGION, lambda: clock[0], lambda: None)
    sessions.client("kms", REGION, None)
    used = sessions.client("sts", REGION, None)
    for clock[0] in (600.0, 1200.0):
        assert sessions.client("sts", REGION, None) is used
    assert list(sessions._clients) == [("sts", REGION, None)]


def test_a_client_is_made_again_some_time_though_it_is_used() -> None:
    """It keeps for itself what it learns of buckets, and that has no bound."""
    clock = [0.0]
    sessions = ClientPool(REGION, lambda: clock[0], lambda: None)
    first = sessions.client("s3", REGION, None)
    for clock[0] in map(float, range(0, 3600, 600)):
        assert sessions.client("s3", REGION, None) is first
    clock[0] = 3700.0
    assert sessions.client("s3", REGION, None) is not first


@pytest.mark.parametrize("endpoint", ["https://my_host:8443", "https://[::1", "nowhere"])
def test_an_address_that_is_none_is_told_by_the_type_of_its_error(endpoint: str) -> None:
    sessions = ClientPool(REGION, lambda: 0.0, lambda: None)
    with pytest.raises(InvalidEndpointError):
        sessions.client("sts", REGION, endpoint)


def test_other_errors_of_making_a_client_are_passed_on() -> None:
    with pytest.raises(InvalidRegionError):
        ClientPool(REGION, lambda: 0.0, lambda: None).client("sts", "no region", None)


def test_of_too_many_clients_the_one_that_was_not_used_for_longest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    made = itertools.count()
    sessions = ClientPool(REGION, lambda: 0.0, lambda: None)
    monkeypatch.setattr(sessions._client_session, "client", lambda *_, **__: next(made))
    often = sessions.client("cloudtrail", REGION, None)
    for number in range(1000):
        sessions.client("kms", f"region-{number}", None)
        assert sessions.client("cloudtrail", REGION, None) == often
    assert len(sessions._clients) == MOST_CLIENTS


def clients() -> Iterator[BaseClient]:
    gc.collect()
    return (one for one in gc.get_objects() if isinstance(one, BaseClient))


def test_a_client_that_goes_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trail_operator.aws.client_pool.MOST_CLIENTS", 2)
    before = len(list(clients()))
    sessions = ClientPool(REGION, lambda: 0.0, lambda: None)
    for region in ("eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1", "eu-south-1"):
        sessions.client("sts", region, None)
    assert len(list(clients())) - before == 2


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("us-east-1", "aws"),
        ("mx-central-1", "aws"),
        ("us-gov-west-1", "aws-us-gov"),
        ("cn-northwest-1", "aws-cn"),
        ("us-iso-east-1", "aws-iso"),
        ("eusc-de-east-1", "aws-eusc"),
        ("eu-west-99", None),
        ("xx-evil-0", None),
        ("r0", None),
        ("aws-global", None),
        ("", None),
    ],
)
def test_the_region_decides_the_partition(region: str, partition: str | None) -> None:
    assert partition_of(region) == partition
