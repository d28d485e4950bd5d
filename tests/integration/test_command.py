"""The command line: what is wrong is said in one line, and `kopf run` serves as well."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.integration.aws import Account
from tests.integration.kubernetes import Trails, trail
from tests.integration.service_account import ServiceAccount
from tests.patience import eventually, seconds
from trail_sandbox.sandbox import Sandbox

BIN = Path(sys.executable).parent


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "trail-operator", *arguments],
        env={**os.environ, "KUBECONFIG": "/nonexistent", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds(60),
    )


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["run", "--resync", "5"], {}, "--resync: write a duration as 30s, 10m, 1h or 1h30m"),
        (["run", "--cluster-name", "a/b"], {}, "--cluster-name"),
        (["run", "--former-cluster-names", "a/b"], {}, "--former-cluster-names"),
        (
            ["run", "--cluster-name", "a", "--former-cluster-names", "b", "--former-cluster-names", "a"],
            {},
            "--cluster-name a is also listed in --former-cluster-names",
        ),
        (["run"], {"TRAIL_OPERATOR_LOG_FORMAT": "xml"}, "--log-format: Input should be 'json' or 'text'"),
        (["run", "--health-port", "0"], {}, "no access to Kubernetes"),
        (["walk"], {}, "invalid choice: 'walk'"),
        (["run", "--leader-election"], {}, "--leader-election needs --lease-namespace"),
        (["run", "--resync"], {}, "argument --resync: expected one argument"),
        (["run", "--own-identity=maybe"], {}, "--own-identity: Input should be a valid boolean"),
        (["run", "--account-selector", "a!=b"], {}, "--account-selector: write labels as key=value,key=value"),
        (["crds", "--output", "/nonexistent"], {}, "cannot write /nonexistent/"),
    ],
)
def test_what_is_wrong_is_said_without_a_traceback(
    arguments: list[str], environment: dict[str, str], says: str
) -> None:
    done = run(*arguments, **environment)
    assert done.returncode == 1
    *_, last = done.stderr.splitlines()
    assert says in last
    assert "Traceback" not in done.stderr


def test_it_tells_its_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"trail-operator {version('trail-operator')}\n")


def test_a_port_that_is_taken(cluster: Sandbox) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run("run", "--health-port", str(taken.getsockname()[1]), **cluster.environment())
    assert done.returncode == 1
    assert "set another --health-port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def kopf_run(
    cluster: Sandbox, service_account: ServiceAccount, account: Account, trails: Trails, tmp_path: Path
) -> Iterator[Path]:
    """The operator as `kopf run -m trail_operator.main`; its log."""
    settings = {
        "TRAIL_OPERATOR_CLUSTER_NAME": "test",
        "TRAIL_OPERATOR_NAMESPACE": f"{trails.namespace},other",
        "TRAIL_OPERATOR_ACCOUNT_SELECTOR": f"test={account.number}",
        "TRAIL_OPERATOR_HEALTH_PORT": "0",
        "TRAIL_OPERATOR_RESYNC": "2s",
        **service_account.environment,
        **account.environment,
    }
    log = tmp_path / "kopf.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [BIN / "kopf", "run", "-m", "trail_operator.main", "--namespace", trails.namespace],
            env={**os.environ, **cluster.environment(), **settings},
            stdout=stream,
            stderr=stream,
        )
        yield log
        for name in trails.names():
            trails.delete(name)
            trails.wait_gone(name)
        process.terminate()
        process.wait(timeout=seconds(15))


def test_kopf_run_serves_as_well(kopf_run: Path, account: Account, trails: Trails) -> None:
    bucket = account.bucket(f"logs-{account.number}", "plain")
    trails.create(trail("plain", bucket))
    trails.wait_ready("plain")
    account.cloudtrail.stop_logging(Name="plain")
    eventually("logging again", lambda: account.cloudtrail.get_trail_status(Name="plain")["IsLogging"])
