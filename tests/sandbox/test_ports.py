"""Ports for servers that are still to be started."""

from pathlib import Path

import pytest

from trail_sandbox import ports


@pytest.fixture
def own_pool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Sixty ports that nobody else chooses from."""
    monkeypatch.setattr(ports, "_CANDIDATES", range(19000, 19060))
    monkeypatch.setattr(ports, "_CLAIMS", tmp_path / "claims.json")


@pytest.mark.usefixtures("own_pool")
def test_a_port_is_not_chosen_again_before_its_server_listens() -> None:
    one, other = (set(ports.choose(map(str, range(28))).values()) for _ in range(2))
    assert not one & other


@pytest.mark.usefixtures("own_pool")
def test_a_port_that_no_server_took_is_chosen_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_CLAIM_SECONDS", 0)
    for _ in range(3):
        assert len(ports.choose(map(str, range(28)))) == 28


@pytest.mark.usefixtures("own_pool")
@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_broken_list_of_claims_is_begun_again(content: str) -> None:
    ports._CLAIMS.write_text(content)
    assert len(ports.choose(["one"])) == 1
