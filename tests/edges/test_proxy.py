"""The proxy does what the other tests believe that it does."""

import time
from collections.abc import Iterator

import pytest
import requests

from tests.edges.proxy import Proxy, Request, Twist
from tests.recorder import ANSWER, Recorder


@pytest.fixture
def upstream() -> Iterator[Recorder]:
    result = Recorder()
    yield result
    result.close()


@pytest.fixture
def proxy(upstream: Recorder) -> Iterator[Proxy]:
    with Proxy(upstream.url) as result:
        yield result


def anything(_: Request) -> bool:
    return True


def test_what_is_not_twisted_is_passed_on(upstream: Recorder, proxy: Proxy) -> None:
    answer = requests.post(f"{proxy.url}/a?b=c", "text", headers={"X-Amz-Target": "x.GetTrail"}, timeout=10)
    assert (answer.status_code, answer.json()) == (200, ANSWER)
    assert upstream.requests == ["POST /a?b=c GetTrail"]


def test_so_many_answers_are_twisted_and_the_request_is_passed_on_or_not(upstream: Recorder, proxy: Proxy) -> None:
    rule = proxy.twist(anything, Twist(503, b"<html>", "text/html", done=False), count=1)
    proxy.twist(anything, Twist(body=bytes.upper), count=1)
    answer = requests.get(proxy.url, timeout=10)
    assert (answer.status_code, answer.text, answer.headers["Content-Type"]) == (503, "<html>", "text/html")
    assert upstream.requests == []
    assert requests.get(proxy.url, timeout=10).json()["ITEMS"] == []
    assert requests.get(proxy.url, timeout=10).json() == ANSWER
    assert rule.hits == 1
    assert len(upstream.requests) == 2


def test_answers_are_dripped_and_cut_and_dropped(proxy: Proxy) -> None:
    rule = proxy.twist(anything, Twist(body=b"0123456789", seconds_a_byte=0.02))
    begun = time.monotonic()
    assert requests.get(proxy.url, timeout=10).text == "0123456789"
    assert time.monotonic() - begun >= 0.2
    proxy.end(rule)
    for twist in (Twist(share=0.5), Twist(drops=True)):
        rule = proxy.twist(anything, twist)
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            requests.get(proxy.url, timeout=10)
        proxy.end(rule)
    assert requests.get(proxy.url, timeout=10).json() == ANSWER
