"""docs/how-to/plan-in-pull-requests.md: its jobs are valid, safe for pull requests of others, and run as they stand."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.aws import Account
from tests.integration.conftest import ROOT, OperatorFactory
from tests.integration.kubernetes import Trails, trail
from tests.integration.service_account import ServiceAccount
from tests.integration.test_how_to_drift import REGION, Shell
from tests.integration.test_plan_command import leader, manifests
from tests.sandbox.identities import assume, role
from trail_operator.settings import PLANNING
from trail_sandbox.sandbox import Sandbox

__all__ = ["leader"]

PAGE = (ROOT / "docs" / "how-to" / "plan-in-pull-requests.md").read_text()
GITHUB, GITLAB = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
POLICY, SETTINGS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
VARIABLES = {f"TRAIL_OPERATOR_{name.upper()}" for name in PLANNING}
# A program that says with which arguments it was called, and what file it was to send.
_RECORDER = '#!/bin/bash\nprintf "%s\\n" "$(basename "$0")" "$@" >> calls.txt\ncp plan.md sent.md\n'


def github() -> dict[str, Any]:
    # YAML 1.1 takes the key `on` for a boolean.
    workflow: dict[str, Any] = yaml.safe_load(GITHUB.replace("\non:\n", '\n"on":\n'))
    return workflow


@pytest.mark.parametrize(("schema", "text"), [("github-workflows", GITHUB), ("gitlab-ci", GITLAB)])
def test_jobs_have_the_form_that_the_services_take(schema: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(text)
    tool = str(Path(sys.executable).parent / "check-jsonschema")
    command = [tool, "--builtin-schema", f"vendor.{schema}", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_fork_gets_no_rights() -> None:
    workflow = github()
    assert list(workflow["on"]) == ["pull_request"]
    assert workflow["permissions"] == {"contents": "read", "id-token": "write", "pull-requests": "write"}
    [job] = workflow["jobs"].values()
    assert job["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
    assert "secrets." not in GITHUB
    scripts = [step["run"] for step in job["steps"] if "run" in step]
    assert all("${{" not in script for script in scripts), "what others write would be part of a script"
    [rule] = yaml.safe_load(GITLAB)["plan"]["rules"]
    assert "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID" in rule["if"]


def test_jobs_give_every_setting() -> None:
    [job] = github()["jobs"].values()
    assert set(job["env"]) == VARIABLES
    assert {name for name in yaml.safe_load(GITLAB)["plan"]["variables"] if name.startswith("TRAIL")} == VARIABLES


def reader(account: Account, shell: Shell, directory: Path) -> dict[str, str]:
    """The keys of a session of the page's role, with the policy that the page's command prints."""
    shell.run(POLICY)
    policy = json.loads((directory / "reads.json").read_text())
    keys = assume(account.client("sts"), role(account, *policy["Statement"], name="trail-plan"))
    return {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }


@pytest.fixture
def checkout(tmp_path: Path, account: Account) -> Path:
    """A pull request with a new Trail, and programs that stand for the services' own."""
    bucket = f"logs-{account.number}"
    account.open_bucket(bucket)
    (tmp_path / "trails").mkdir()
    (tmp_path / "trails" / "audit.yaml").write_text(manifests(trail("audit", bucket), namespace="team-a"))
    (tmp_path / "bin").mkdir()
    for name in ("gh", "curl"):
        (tmp_path / "bin" / name).write_text(_RECORDER)
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


def run_script(shell: Shell, directory: Path, script: str) -> None:
    shell.run(f'export PATH="{directory}/bin:$PATH"\n{script}')


def test_github_job_comments_the_plan(account: Account, checkout: Path) -> None:
    administrator = Shell(checkout, account.environment, {"KUBECONFIG": "/nonexistent"})
    keys = reader(account, administrator, checkout)
    [job] = github()["jobs"].values()
    files = {"GITHUB_ENV": "environment.txt", "GITHUB_STEP_SUMMARY": "summary.md"}
    others = {"NUMBER": "7", "KUBECONFIG": "/nonexistent", "AWS_REGION": REGION}
    shell = Shell(checkout, account.environment, keys, job["env"], files, others)
    scripts = {step["name"]: step["run"] for step in job["steps"] if "run" in step}
    assert list(scripts) == ["Install", "Plan", "Comment", "Fail if something cannot be applied, or is unknown"]
    run_script(shell, checkout, scripts["Plan"])
    assert (checkout / "environment.txt").read_text() == "STATUS=2\n"
    run_script(shell, checkout, scripts["Comment"])
    status = Shell(checkout, {"STATUS": "2"})
    run_script(status, checkout, scripts["Fail if something cannot be applied, or is unknown"])
    calls = (checkout / "calls.txt").read_text().splitlines()
    assert calls == ["gh", "pr", "comment", "7", "--body-file", "plan.md", "--edit-last", "--create-if-none"]
    sent = (checkout / "sent.md").read_text()
    assert "1 to create" in sent
    assert f"+ create team-a/audit: trail audit in {REGION} of account {account.number}" in sent
    assert "Dependencies allowed" in sent
    assert account.writes() == []


def test_gitlab_job_comments_the_plan(account: Account, checkout: Path) -> None:
    keys = reader(account, Shell(checkout, account.environment, {"KUBECONFIG": "/nonexistent"}), checkout)
    job = yaml.safe_load(GITLAB)["plan"]
    variables = {name: value for name, value in job["variables"].items() if not name.startswith("AWS_")}
    predefined = {"CI_API_V4_URL": "https://gitlab.example.com/api/v4", "CI_PROJECT_ID": "3"}
    others = {"CI_MERGE_REQUEST_IID": "9", "PLAN_COMMENT_TOKEN": "kept", "KUBECONFIG": "/nonexistent"}
    shell = Shell(checkout, account.environment, keys, variables, predefined, others)
    run_script(shell, checkout, "\n".join(job["script"]))
    calls = (checkout / "calls.txt").read_text().splitlines()
    assert calls[-1] == "https://gitlab.example.com/api/v4/projects/3/merge_requests/9/notes"
    assert "1 to create" in (checkout / "sent.md").read_text()
    assert account.writes() == []


def test_settings_are_printed_as_variables(
    leader: OperatorFactory, cluster: Sandbox, account: Account, service_account: ServiceAccount, trails: Trails,
    tmp_path: Path,
) -> None:  # fmt: skip
    shell = Shell(tmp_path, cluster.environment())
    printed = shell.run(SETTINGS.replace("--namespace trail-operator ", f"--namespace {service_account.name} "))
    found = dict(line.split("=", 1) for line in printed.splitlines())
    assert {f"TRAIL_OPERATOR_{name.upper().replace('-', '_')}" for name in found} == VARIABLES
    assert (found["cluster-name"], found["allowed-adoption"]) == ("test", "Always")
    assert json.loads(found["namespace"]) == [trails.namespace]
