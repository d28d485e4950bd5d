"""The clients that all identities share: made on first use, dropped when idle."""

from trail_operator.aws.sessions import Sessions

REGION = "us-east-1"


def test_idle_clients_are_dropped_also_where_no_further_is_made() -> None:
    clock = [0.0]
    sessions = Sessions(REGION, lambda: clock[0], lambda: None)
    sessions.client("kms", REGION, None)
    used = sessions.client("sts", REGION, None)
    for clock[0] in (600.0, 1200.0):
        assert sessions.client("sts", REGION, None) is used
    assert list(sessions._clients) == [("sts", REGION, None)]
