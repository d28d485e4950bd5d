"""The image that the Dockerfile makes: small, nobody's to change, and enough to keep a trail."""

import base64
import importlib.metadata
import itertools
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.image.built import APPLICATION, Image
from tests.integration.aws import Account
from tests.integration.conftest import owner
from tests.integration.kubernetes import Trails, trail
from tests.integration.service_account import CHART, ServiceAccount
from tests.patience import eventually
from trail_sandbox.kubernetes import kubeconfig
from trail_sandbox.sandbox import Sandbox

_MIB = 1024 * 1024
# Where every user may write in any Debian; a Pod's are read-only but for /tmp.
_FOR_ALL = {"tmp", "var/tmp", "run/lock"}


def files(directory: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Everything below a directory but devices."""
    for parent, directories, names in os.walk(directory):
        for name in itertools.chain(directories, names):
            status = (found := Path(parent, name)).lstat()
            if not stat.S_ISCHR(status.st_mode):
                yield found, status


def size(directory: Path) -> int:
    """What the files below a directory hold, in bytes."""
    return sum(status.st_size for _, status in files(directory) if stat.S_ISREG(status.st_mode))


def test_it_says_what_it_is_and_who_runs_it(image: Image) -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    security = values["podSecurityContext"]
    assert image.config["User"] == f"{security['runAsUser']}:{security['runAsGroup']}"
    assert security["runAsUser"] != 0
    assert image.config["Entrypoint"] == ["trail-operator"]
    assert image.config["Cmd"] == ["run"]
    labels = image.config["Labels"]
    assert labels["org.opencontainers.image.title"] == "trail-operator"
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    done = image.run("trail-operator", "--version")
    assert (done.returncode, done.stdout) == (0, f"trail-operator {importlib.metadata.version('trail-operator')}\n")
    user = image.run("python3", "-c", "import os; print(os.getresuid(), os.getresgid(), os.getgroups())")
    assert user.stdout == "(65532, 65532, 65532) (65532, 65532, 65532) []\n"


def test_nothing_is_in_it_that_only_building_needs(image: Image) -> None:
    tools = image.run("sh", "-c", "command -v cc gcc clang ld make pip pip3 uv hatchling git curl; true")
    assert tools.stdout == ""
    assert not list((image.tree / "var/lib/apt/lists").glob("*_Packages*"))
    assert not (image.tree / "root/.cache").exists()
    assert not (image.tree / "src").exists()
    assert not (image.tree / "build").exists()
    assert sorted(path.name for path in (image.tree / APPLICATION).iterdir() if not path.is_symlink()) == [
        "bin",
        "include",
        "lib",
        "pyvenv.cfg",
    ]
    packages = {found.name.lower().replace("-", "_") for found in image.site_packages.iterdir()}
    assert not packages & {"pip", "setuptools", "wheel", "hatchling", "pytest", "tests", "trail_sandbox"}
    found = [path for path, _ in files(image.site_packages / "trail_operator") if path.is_file()]
    assert {path.suffix for path in found} == {".py", ".pyc"}


def test_its_user_can_write_nothing(image: Image) -> None:
    user = int(image.config["User"].split(":")[0])
    owned = [str(path) for path, status in files(image.tree) if user in (status.st_uid, status.st_gid)]
    assert owned == []
    writable = {
        str(path.relative_to(image.tree))
        for path, status in files(image.tree)
        if status.st_mode & stat.S_IWOTH and not stat.S_ISLNK(status.st_mode)
    }
    assert writable <= _FOR_ALL
    special = [
        str(path) for path, status in files(image.tree / APPLICATION) if status.st_mode & (stat.S_ISUID | stat.S_ISGID)
    ]
    assert special == []
    done = image.run("sh", "-c", f"touch /{APPLICATION}/x; touch /x; touch /run/x; touch /tmp/x && echo only /tmp")
    assert done.stdout == "only /tmp\n"
    assert done.stderr.count("Read-only file system") + done.stderr.count("Permission denied") == 3


def test_every_module_is_compiled(image: Image) -> None:
    """Each start would compile it anew otherwise: the tree is read-only."""
    version = image.site_packages.parent.name.removeprefix("python").replace(".", "")
    sources = [path for path, _ in files(image.site_packages) if path.suffix == ".py"]
    assert len(sources) > 1000
    left = [
        path for path in sources if not (path.parent / "__pycache__" / f"{path.stem}.cpython-{version}.pyc").exists()
    ]
    assert left == []
    compiled = image.site_packages / "trail_operator" / "__pycache__" / f"main.cpython-{version}.pyc"
    unchecked = 1  # PEP 552: by the source's hash, which is not looked at
    assert int.from_bytes(compiled.read_bytes()[4:8], "little") == unchecked


def test_it_holds_what_the_lock_file_says(image: Image) -> None:
    lines = (CHART.parents[1] / "image" / "requirements.txt").read_text().splitlines()
    locked = {tuple(line.split(" ")[0].split("==")) for line in lines if "==" in line and not line.startswith(" ")}
    found = {
        (package.metadata["Name"].lower().replace("_", "-").replace(".", "-"), package.version)
        for package in importlib.metadata.distributions(path=[str(image.site_packages)])
    }
    assert found - locked == {("trail-operator", importlib.metadata.version("trail-operator"))}
    assert {"boto3", "kopf", "kubernetes", "aiohttp", "pydantic-core"} <= {name for name, _ in found}


def ready(trails: Trails) -> bool:
    return trails.condition("from-image").get("status") == "True"


@pytest.fixture
def mounted(service_account: ServiceAccount, tmp_path: Path) -> Path:
    """What the kubelet mounts for a Pod of the operator's service account."""
    directory = tmp_path / "serviceaccount"
    directory.mkdir()
    content = kubeconfig.read(service_account.kubeconfig)
    [cluster], [user] = content["clusters"], content["users"]
    (directory / "ca.crt").write_bytes(base64.b64decode(cluster["cluster"]["certificate-authority-data"]))
    (directory / "token").write_text(user["user"]["token"])
    (directory / "namespace").write_text(service_account.name)
    return directory


@pytest.mark.parametrize("user", ["65532:65532", pytest.param("1000650000:0", id="as OpenShift chooses")])
def test_a_trail_becomes_ready_with_the_operator_of_the_image(
    image: Image, cluster: Sandbox, mounted: Path, account: Account, trails: Trails, tmp_path: Path, user: str
) -> None:
    server = urlsplit(cluster.kubernetes_endpoint)
    variables = {
        **image.environment,
        **account.environment,
        "KUBERNETES_SERVICE_HOST": str(server.hostname),
        "KUBERNETES_SERVICE_PORT": str(server.port),
        "TRAIL_OPERATOR_NAMESPACE": trails.namespace,
        "TRAIL_OPERATOR_CLUSTER_NAME": "test",
        "TRAIL_OPERATOR_HEALTH_PORT": "0",
    }
    log = tmp_path / "operator.log"
    command = image.command([*image.config["Entrypoint"], *image.config["Cmd"]], mounted, user)
    with log.open("wb") as stream, subprocess.Popen(command, env=variables, stdout=stream, stderr=stream) as process:
        try:
            trails.create(trail("from-image", account.bucket(f"logs-{account.number}", "from-image")))
            ended = "the operator ended, or the Trail is Ready"
            eventually(ended, lambda: process.poll() is not None or ready(trails), 120)
            assert process.poll() is None
            status = dict(line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
            found = account.trail("from-image")
            trails.delete("from-image")
            trails.wait_gone("from-image")
        finally:
            process.terminate()
            process.wait(timeout=60)
            print(log.read_text())
    assert found is not None
    assert found["IsLogging"] is True
    assert found["Tags"] == owner(trails, "from-image")
    assert set(status["Uid"].split()) == {user.split(":")[0]}
    assert (int(status["CapEff"], 16), int(status["CapPrm"], 16), status["NoNewPrivs"].strip()) == (0, 0, "1")
    assert process.returncode == 0


def test_its_size(image: Image) -> None:
    """Printed for docs/image.md; far more than it should be fails."""
    whole, application = size(image.tree), size(image.tree / APPLICATION)
    packages = {
        str(package.metadata["Name"]): size_of(image, package)
        for package in importlib.metadata.distributions(path=[str(image.site_packages)])
    }
    print(f"\n{whole / _MIB:7.1f} MiB in all, of which {(whole - application) / _MIB:.1f} of the base image, and")
    packed = subprocess.run(["tar", "-cz", "-C", image.tree, APPLICATION], capture_output=True, check=True).stdout
    print(f"{application / _MIB:7.1f} MiB in /{APPLICATION}, {len(packed) / _MIB:.1f} as a layer is sent, packed:")
    for name, held in sorted(packages.items(), key=lambda item: -item[1]):
        print(f"{held / _MIB:7.1f} {name}")
    assert application < 200 * _MIB


def size_of(image: Image, package: importlib.metadata.Distribution) -> int:
    """What a package's files hold, with what they were compiled to."""
    listed = {image.site_packages / file for file in package.files or () if file.suffix != ".pyc"}
    compiled = {
        found
        for path in listed
        if path.suffix == ".py"
        for found in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc")
    }
    return sum(path.stat().st_size for path in listed | compiled if path.is_file())
