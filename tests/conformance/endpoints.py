"""The endpoints that facts can be checked against. Only this module and the report know which it is.

- `emulator`: the sandbox's AWS, started for the run;
- `moto`: plain moto, started for the run: how far it is from AWS;
- `aws`: AWS itself, with the credentials that the environment gives.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
import requests
from botocore.config import Config

from tests.patience import seconds
from trail_sandbox import ports

EMULATOR, MOTO, AWS = "emulator", "moto", "aws"
_COMMANDS = {
    EMULATOR: ["-m", "trail_sandbox.aws", "--no-background", "--host", ports.LOOPBACK, "--port"],
    MOTO: ["-m", "moto.server", "-H", ports.LOOPBACK, "-p"],
}
_HEALTH = {EMULATOR: "/_sandbox/health", MOTO: "/moto-api/"}


@dataclass(frozen=True)
class Keys:
    """Credentials. Without an access key: those of the environment."""

    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None


@dataclass(frozen=True)
class Endpoint:
    """Where facts are checked, and how patient to be with it."""

    name: str
    url: str | None
    prefix: str
    """Of the name of everything that is made."""
    settles: float
    """The seconds after which reads, and those who judge policies, know of a write."""
    delivers: float
    """The seconds after which what happened is delivered."""
    spends: bool
    """Whether facts that cost something may be checked."""

    @property
    def has_accounts(self) -> bool:
        """Whether accounts can be had for the asking."""
        return self.url is not None

    def administrator(self, account: str) -> Keys:
        """Give the credentials of an account's administrator."""
        if self.url is None:
            return Keys()
        return Keys(account if self.name == EMULATOR else "AKIAEXAMPLE", "secret")

    def client(self, keys: Keys, account: str, service: str, region: str, *, patient: bool) -> Any:
        """Give a client; a patient one tries throttled calls again, the other tries nothing again."""
        config = Config(retries={"mode": "standard", "total_max_attempts": 3 if patient else 1})
        # Of boto3's own session: to make one for each takes longer than most facts.
        client = boto3.client(  # type: ignore[call-overload]  # the types know literal names only
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            aws_session_token=keys.session_token,
            config=config,
        )
        if patient:
            client.meta.events.register_first("needs-retry", _wait_if_throttled)
        if self.name == MOTO and keys == self.administrator(account):

            def name_account(request: Any, **_: Any) -> None:
                request.headers["x-moto-account-id"] = account

            client.meta.events.register("before-send", name_account)
        return client

    def hurry(self, account: str) -> None:
        """Have what is to be delivered of an account delivered now, if that can be had."""
        if self.name == EMULATOR:
            requests.post(
                f"{self.url}/_sandbox/deliver", params={"account": account}, timeout=seconds(60)
            ).raise_for_status()

    def await_answer(self) -> None:
        """Wait until there is an answer."""
        if self.url is None:
            return
        deadline = time.monotonic() + seconds(60)
        while time.monotonic() < deadline:
            try:
                requests.get(f"{self.url}{_HEALTH[self.name]}", timeout=seconds(30)).raise_for_status()
            except requests.RequestException:
                time.sleep(0.1)
            else:
                return
        raise AssertionError(f"{self.name} does not answer at {self.url}")


def _wait_if_throttled(response: Any, attempts: int, **_: Any) -> float | None:
    """Say after how many seconds to try a throttled call again: one is let through each second, so often soon."""
    code = response[1].get("Error", {}).get("Code", "") if response else ""
    return 0.5 if "Throttl" in code and attempts < 100 else None


def start(name: str) -> tuple[str, Callable[[], None]]:
    """Start an endpoint's process; give its URL, and how to end it."""
    port = ports.choose([name])[name]
    command = [sys.executable, *_COMMANDS[name], str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end() -> None:
        process.terminate()
        process.wait(timeout=seconds(30))

    return f"http://{ports.LOOPBACK}:{port}", end
