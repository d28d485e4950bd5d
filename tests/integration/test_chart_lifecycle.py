"""The chart from version to version, with a Trail in place; on a sandbox of its own, since definitions are shared."""

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config

from tests.integration.aws import REGION, Account
from tests.integration.conftest import ROOT, established, kubectl
from tests.integration.kubernetes import Trails, trail
from tests.integration.test_chart import CHART, can_i, helm
from tests.patience import eventually, resync, timeout
from trail_sandbox.sandbox import ACCOUNT_ID, Sandbox

pytestmark = [pytest.mark.long, pytest.mark.sampled("the chart's life")]

NAMESPACE = "trail-operator"
ALARM_SETS = "trailalarmsets.trail-operator.dev"
# Seconds until the operator looks for the kind again, and some more.
_PICKED_UP = 45
_TAKE_OVER = 15  # seconds, as docs/operations.md promises
_WAIT = ("--namespace", NAMESPACE, "--wait", timeout(90))


@pytest.fixture(scope="module")
def own(worker_id: str) -> Iterator[Sandbox]:
    sandbox = Sandbox(f"test-chart-{worker_id}-{os.getpid()}")
    sandbox.up(background=False)
    yield sandbox
    sandbox.down()


@pytest.fixture(autouse=True)
def no_definitions(own: Sandbox) -> None:
    """Remove the definitions that the chart keeps when a test before has uninstalled it."""
    kubectl(own, "delete", "--ignore-not-found", "-f", str(ROOT / "crds"))


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version of the chart before this one: its Trail lacked fields, its role permissions, and it had no alarms."""
    chart = tmp_path_factory.mktemp("earlier") / "trail-operator"
    shutil.copytree(CHART, chart)
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    (chart / "Chart.yaml").write_text(yaml.safe_dump({**about, "version": "0.0.1"}))
    definition = chart / "files" / "crds" / "trail-operator.dev_trails.yaml"
    body = yaml.safe_load(definition.read_text())
    del spec_of(body)["recursiveLogging"]
    del fields_of(body, "status")["lastDrift"]
    definition.write_text(yaml.safe_dump(body))
    (chart / "files" / "crds" / "trail-operator.dev_trailalarmsets.yaml").unlink()
    rules = chart / "templates" / "_helpers.tpl"
    counting = "resources: [events]\n  verbs: [create, patch]"
    assert counting in rules.read_text()
    text = rules.read_text().replace(counting, "resources: [events]\n  verbs: [create]")
    for part, verbs in (("trailalarmsets", "[get, list, watch, patch]"), ("trailalarmsets/status", "[patch]")):
        rule = f"- apiGroups: [trail-operator.dev]\n  resources: [{part}]\n  verbs: {verbs}\n"
        assert rule in text
        text = text.replace(rule, "")
    rules.write_text(text)
    return chart


def spec_of(definition: dict[str, Any]) -> dict[str, Any]:
    """The fields of a Trail's spec."""
    return fields_of(definition, "spec")


def fields_of(definition: dict[str, Any], part: str) -> dict[str, Any]:
    """The fields of a Trail's spec or status."""
    fields: dict[str, Any] = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"][part]
    result: dict[str, Any] = fields["properties"]
    return result


class Release:
    """The installed chart, its Trail, and what it did in AWS."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._api = api = config.new_client_from_config(str(sandbox.kubeconfig))
        self._definitions = client.ApiextensionsV1Api(api)
        self._apps = client.AppsV1Api(api)
        self.sandbox = sandbox
        self.account = Account(sandbox.aws_endpoint, ACCOUNT_ID)
        self.trails = Trails(api, "default")

    def helm(self, command: str, *arguments: str) -> None:
        """Run helm on the release, and wait until it is as it is to be."""
        helm(self.sandbox, command, "trail-operator", *arguments, *_WAIT)

    def knows_recursive_logging(self) -> bool:
        """Whether the definition of Trails has the field that the earlier version lacked."""
        body = self._definitions.read_custom_resource_definition("trails.trail-operator.dev")
        found = self._definitions.api_client.sanitize_for_serialization(body)
        return "recursiveLogging" in spec_of(found)

    def counts_events(self) -> bool:
        """Whether the operator has the permission that the earlier version lacked."""
        user = f"system:serviceaccount:{NAMESPACE}:trail-operator"
        return can_i(self._api, "patch", "events.events.k8s.io", "default", user)

    def watches_alarm_sets(self) -> bool:
        """Whether the operator has the permission to watch TrailAlarmSets, which the earlier version lacked."""
        user = f"system:serviceaccount:{NAMESPACE}:trail-operator"
        return can_i(self._api, "watch", "trailalarmsets.trail-operator.dev", "default", user)

    def log(self, text: str) -> list[str]:
        """The lines with this text in the log of the newest Pod."""
        pods = json.loads(kubectl(self.sandbox, "get", "pods", "--namespace", NAMESPACE, "--output=json"))["items"]
        newest = max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))["metadata"]["name"]
        written = kubectl(self.sandbox, "logs", newest, "--namespace", NAMESPACE, "--tail=-1")
        return [line for line in written.splitlines() if text in line]

    def format(self) -> str:
        """The log format of the Deployment, which each step changes."""
        deployment = self._apps.read_namespaced_deployment("trail-operator", NAMESPACE)
        (container,) = deployment.spec.template.spec.containers
        return str(next(entry.value for entry in container.env if entry.name == "TRAIL_OPERATOR_LOG_FORMAT"))

    def bucket_of_the_first_page(self, region: str | None) -> None:
        """Make it, for a trail in that region."""
        name = "example-audit-logs"
        document = json.dumps(self.account.bucket_document(name, "audit"))
        s3 = self.account.client("s3")
        s3.create_bucket(Bucket=name)
        s3.put_bucket_policy(Bucket=name, Policy=document.replace(f":{REGION}:", f":{region or REGION}:"))

    def quiet(self, step: Callable[[], None]) -> None:
        """A step after which the Trail is looked at anew, and nothing was written to AWS."""
        writes = len(self.account.writes())
        step()
        seen = len(self.account.calls())
        eventually("the Trail is looked at", lambda: len(self.account.calls()) > seen)
        assert self.account.writes()[writes:] == []
        assert self.trails.condition("audit")["status"] == "True"


def test_install_upgrade_rollback_uninstall(own: Sandbox, earlier: Path) -> None:
    release = Release(own)
    often = f"--set=resync={resync(2)}"
    release.helm("install", str(earlier), "--create-namespace", often, "--set=logFormat=text")
    assert not release.knows_recursive_logging()
    assert not release.counts_events()
    assert not release.watches_alarm_sets()
    assert ALARM_SETS not in kubectl(own, "get", "crds", "-o", "name")
    bucket = release.account.bucket("logs-lifecycle", "audit")
    release.trails.create(trail("audit", bucket))
    release.trails.wait_ready("audit")

    release.quiet(lambda: release.helm("upgrade", CHART, often, "--set=logFormat=json"))
    assert release.knows_recursive_logging()
    assert release.counts_events()
    assert release.format() == "json"
    assert release.watches_alarm_sets()
    established(own, ALARM_SETS)
    eventually("the kind is handled", lambda: release.log("watching TrailAlarmSets"), _PICKED_UP)

    release.quiet(lambda: release.helm("rollback", "1"))
    assert not release.watches_alarm_sets()
    assert ALARM_SETS in kubectl(own, "get", "crds", "-o", "name"), "it is kept, with all objects"
    assert not release.knows_recursive_logging()
    assert not release.counts_events()
    assert release.format() == "text"
    release.quiet(lambda: release.helm("upgrade", CHART, often))

    release.helm("uninstall")
    assert release.knows_recursive_logging()  # the definitions stay, and with them the Trail
    assert release.account.cloudtrail.get_trail_status(Name="audit")["IsLogging"]
    assert release.trails.get("audit") is not None
    release.quiet(lambda: release.helm("install", CHART, often))

    release.trails.delete("audit")
    release.trails.wait_gone("audit")
    assert release.account.trails() == []
    release.helm("upgrade", CHART, "--set=crds.keep=false")
    release.helm("uninstall")
    assert ".trail-operator.dev" not in kubectl(own, "get", "crds", "-o", "name")


def test_upgrade_and_rollback_without_the_definitions(own: Sandbox, earlier: Path) -> None:
    """With crds.enabled: false the operator works with those of the earlier version, and says so."""
    release = Release(own)
    kubectl(own, "apply", "--server-side", "-f", str(earlier / "files" / "crds"))
    for name in ("trails", "awsaccounts"):
        established(own, f"{name}.trail-operator.dev")
    values = (f"--set=resync={resync(2)}", "--set=crds.enabled=false")
    release.helm("install", str(earlier), "--create-namespace", *values)
    release.trails.create(trail("audit", release.account.bucket("logs-definitions", "audit")))
    release.trails.wait_ready("audit")
    release.quiet(lambda: release.helm("upgrade", CHART, *values))
    assert not release.knows_recursive_logging()
    assert release.watches_alarm_sets()
    (line,) = release.log("TrailAlarmSets are not handled")
    assert "apply its CustomResourceDefinition" in line
    release.account.cloudtrail.stop_logging(Name="audit")
    eventually("corrected", lambda: release.account.cloudtrail.get_trail_status(Name="audit")["IsLogging"])
    eventually("said", lambda: release.log("drops status.lastDrift"))
    # As docs/how-to/upgrade.md says, only later.
    kubectl(own, "apply", "--server-side", "-f", str(ROOT / "crds"))
    established(own, ALARM_SETS)
    eventually("the kind is handled", lambda: release.log("watching TrailAlarmSets"), _PICKED_UP)
    release.quiet(lambda: release.helm("rollback", "1"))
    assert not release.watches_alarm_sets()
    (line,) = release.log("TrailAlarmSets are not handled")
    assert "the service account lacks permission" in line

    release.trails.delete("audit")
    release.trails.wait_gone("audit")
    release.helm("uninstall")
    kubectl(own, "delete", "leases", "--all", "--namespace", NAMESPACE)
    kubectl(own, "delete", "-f", str(ROOT / "crds"))


def test_definitions_that_are_guarded_go_only_where_that_is_meant(own: Sandbox) -> None:
    """With a definition go all its objects, and none of them is asked about."""
    release = Release(own)
    name, other = "trails.trail-operator.dev", "trailalarmsets.trail-operator.dev"

    def refused(*what: str) -> bool:
        done = attempt(own, "kubectl", "delete", *what)
        return done.returncode != 0 and "allow-deletion=true first" in done.stderr

    def install() -> None:
        release.helm(
            "install", CHART, "--create-namespace", "--set=crds.keep=false", "--set=guardRails.denyDeletion=true"
        )
        eventually("deletion is refused", lambda: refused("crd", name, "--dry-run=server"))

    install()
    assert refused("crd", name)
    assert refused("crd", other)
    several = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All"
    assert refused(f"--raw={several}&labelSelector=app.kubernetes.io%2Fname%3Dtrail-operator")
    kubectl(own, "delete", "crd", "awsaccounts.trail-operator.dev", "--dry-run=server")
    assert attempt(own, "helm", "uninstall", "trail-operator", *_WAIT).returncode != 0
    for kept in (name, other):
        assert kept in kubectl(own, "get", "crds", "-o", "name")
    eventually("the rule has gone", lambda: not refused("crd", name, "--dry-run=server"))
    release.helm("uninstall")

    install()
    (allow,) = re.findall(r"`(kubectl annotate crd .*?)`", (ROOT / "docs" / "install.md").read_text())
    carry_out(own, allow, ROOT)
    release.helm("uninstall")
    assert ".trail-operator.dev" not in kubectl(own, "get", "crds", "-o", "name")


def test_an_upgrade_leaves_no_gap_in_healing_beyond_the_take_over(own: Sandbox) -> None:
    release = Release(own)
    often = (f"--set=resync={resync(1)}", "--set=replicas=2")
    release.helm("install", CHART, "--create-namespace", *often, "--set=logFormat=text")
    before = len(release.account.writes())
    release.trails.create(trail("audit", release.account.bucket("logs-upgrade", "audit")))
    release.trails.wait_ready("audit")
    cloudtrail = release.account.cloudtrail
    upgraded = threading.Thread(target=release.helm, args=("upgrade", CHART, *often, "--set=logFormat=json"))
    upgraded.start()
    times = 0
    while upgraded.is_alive():
        cloudtrail.stop_logging(Name="audit")
        eventually("healed", lambda: cloudtrail.get_trail_status(Name="audit")["IsLogging"], _TAKE_OVER)
        times += 1
    assert times > 1
    assert release.format() == "json"
    made = [call["operation"] for call in release.account.writes()[before:] if call["error"] is None]
    assert made.count("CreateTrail") == 1
    assert made.count("StartLogging") == times + 1, "one for the trail, one for each time, none twice"
    release.trails.delete("audit")
    release.trails.wait_gone("audit")
    release.helm("uninstall")


# -- what the documentation says


def sections() -> dict[str, str]:
    """The parts of the documentation that install the chart, by page and heading."""
    found = {}
    for page in ("README.md", "charts/trail-operator/README.md", "docs/install.md"):
        for part in re.split("^#+ ", (ROOT / page).read_text(), flags=re.MULTILINE)[1:]:
            if any("helm install" in block for block in blocks(part, "console")):
                found[f"{page}: {part.splitlines()[0]}"] = part
    return found


def blocks(text: str, language: str) -> list[str]:
    """Its code in that language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def values_and_account(section: str) -> tuple[str, str]:
    """The values of a section that installs, and its AWSAccount."""
    found = blocks(section, "yaml")
    manifests = [block for block in found if "\nkind: " in block]
    return "".join(block for block in found if block not in manifests), "".join(manifests)


def attempt(sandbox: Sandbox, *command: str, directory: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a command as the administrator; how it ended."""
    environment = {**os.environ, **sandbox.environment()}
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)


def carry_out(sandbox: Sandbox, script: str, directory: Path) -> None:
    """Run commands as they are documented."""
    done = attempt(sandbox, "bash", "-ec", script, directory=directory)
    assert done.returncode == 0, done.stderr


def test_every_page_that_installs_is_found() -> None:
    assert len({name.split(": ")[0] for name in sections()}) == 3
    assert len(sections()) == 6


def test_an_upgrade_as_it_is_documented(own: Sandbox, earlier: Path, tmp_path: Path) -> None:
    """To this version and back, also in what the definitions say."""
    release = Release(own)
    (tmp_path / "charts").symlink_to(ROOT / "charts")
    (tmp_path / "values.yaml").write_text("logFormat: text\n")
    release.helm("install", str(earlier), "--create-namespace", "--set=logFormat=json")
    (script,) = blocks((ROOT / "docs" / "install.md").read_text().split("\n## Upgrading\n")[1], "console")
    upgrade, rollback = script.splitlines()
    carry_out(own, upgrade, tmp_path)
    assert (release.format(), release.knows_recursive_logging()) == ("text", True)
    carry_out(own, rollback, tmp_path)
    assert (release.format(), release.knows_recursive_logging()) == ("json", False)
    release.helm("uninstall")
    kubectl(own, "delete", "leases", "--all", "--namespace", NAMESPACE)


@pytest.mark.parametrize("name", sections())
def test_an_installation_as_it_is_documented(own: Sandbox, tmp_path: Path, name: str) -> None:
    """The commands with the values of their section, and the first page's Trail where they watch its namespace."""
    kubectl(own, "apply", "--server-side", "-f", str(Path(__file__).parent / "chart" / "monitoring.yaml"))
    release = Release(own)
    (tmp_path / "charts").symlink_to(ROOT / "charts")
    values, account = values_and_account(sections()[name])
    (tmp_path / "values.yaml").write_text(values)
    (tmp_path / "account.yaml").write_text(account)
    for script in blocks(sections()[name], "console"):
        carry_out(own, script, tmp_path)
    kubectl(
        own,
        "rollout",
        "status",
        "deployment/trail-operator",
        "--namespace",
        NAMESPACE,
        timeout(60),
    )
    if "watchNamespaces" not in values:
        manifest, *_ = blocks((ROOT / "README.md").read_text(), "yaml")
        region = (yaml.safe_load(values) or {}).get("region")
        release.bucket_of_the_first_page(region)
        kubectl(own, "apply", "-f", "-", text=manifest)
        release.trails.wait_ready("audit")
        release.trails.annotate("audit", {"trail-operator.dev/allow-deletion": "true"})
        release.trails.change("audit", deletionPolicy="Delete")
        release.trails.delete("audit")
        release.trails.wait_gone("audit")
    if account:
        kubectl(own, "delete", "awsacc", "--all")  # they are held, too
    helm(own, "uninstall", "trail-operator", *_WAIT)
    # With its role gone, the operator can't give the Lease back: the next one would wait until it has run out.
    kubectl(own, "delete", "leases", "--all", "--namespace", NAMESPACE)
