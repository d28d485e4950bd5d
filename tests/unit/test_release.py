"""The workflows, which no test can run: their schema, what they cover, and what makes a release trustworthy."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
RELEASE, CI = WORKFLOWS / "release.yaml", WORKFLOWS / "ci.yaml"
BOTH = pytest.mark.parametrize("workflow", [RELEASE, CI], ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    result: dict[str, Any] = yaml.safe_load(RELEASE.read_text())["jobs"]
    return result


def step(job: dict[str, Any], action: str) -> dict[str, Any]:
    """What a job gives to its only step with an action."""
    [found] = [entry for entry in job["steps"] if entry.get("uses", "").startswith(f"{action}@")]
    inputs: dict[str, Any] = found["with"]
    return inputs


def script(job: dict[str, Any]) -> str:
    """All that a job runs."""
    return "\n".join(entry["run"] for entry in job["steps"] if "run" in entry)


def test_every_workflow_is_looked_at() -> None:
    assert sorted(WORKFLOWS.iterdir()) == sorted([RELEASE, CI])


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ("github-workflows", RELEASE),
        ("github-workflows", CI),
        ("dependabot", ROOT / ".github" / "dependabot.yml"),
        ("github-issue-config", ROOT / ".github" / "ISSUE_TEMPLATE" / "config.yml"),
        ("github-issue-forms", ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml"),
        ("github-issue-forms", ROOT / ".github" / "ISSUE_TEMPLATE" / "feature.yml"),
    ],
    ids=lambda value: getattr(value, "stem", ""),
)
def test_it_has_the_form_that_github_takes(schema: str, path: Path) -> None:
    tool = str(Path(sys.executable).parent / "check-jsonschema")
    command = [tool, "--builtin-schema", f"vendor.{schema}", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_a_tag_of_a_version_starts_it() -> None:
    """One that Helm, which wants 1.0.0-rc.1, and Python, which wants 1.0.0rc1, write alike."""
    # YAML 1.1 takes the key `on` for a boolean.
    assert yaml.safe_load(RELEASE.read_text())[True] == {"push": {"tags": ["v[0-9]+.[0-9]+.[0-9]+"]}}


def test_each_job_has_the_rights_that_it_needs_and_no_more(jobs: dict[str, Any]) -> None:
    assert yaml.safe_load(RELEASE.read_text())["permissions"] == {}
    signing = {"contents": "read", "packages": "write", "id-token": "write"}
    assert {name: job["permissions"] for name, job in jobs.items()} == {
        "test": {"contents": "read"},
        "image": signing,
        "chart": signing,
        "release": {"contents": "write", "id-token": "write"},
    }
    for job in jobs.values():
        assert step(job, "actions/checkout")["persist-credentials"] is False


def test_nothing_is_released_untested_and_the_release_comes_last(jobs: dict[str, Any]) -> None:
    needs = {name: job.get("needs") for name, job in jobs.items()}
    assert needs == {"test": None, "image": "test", "chart": "image", "release": ["image", "chart"]}


def targets(script: str) -> set[str]:
    """The targets of the Makefile that a script makes, with those that they consist of in their place."""
    makefile = (ROOT / "Makefile").read_text()
    found: set[str] = set()
    for words in re.findall(r"\bmake ((?:[a-z-]+ *)+)(?:WHOLE=1)?$", script, re.MULTILINE):
        for name in words.split():
            # A target of several either needs the others or makes them at once.
            parts = re.findall(rf"^{name}: ((?:(?!export|setup)[a-z-]+ )+)##", makefile, re.MULTILINE)
            parts += re.findall(rf"^{name}: .*##.*\n(?:\t.*\n)*?\t@\$\(AT_ONCE\) (.*)", makefile, re.MULTILINE)
            found |= targets(f"make {' '.join(parts)}") if parts else {name}
    return found


def test_a_change_and_a_release_are_tested_alike(jobs: dict[str, Any]) -> None:
    ci = yaml.safe_load(CI.read_text())["jobs"]
    everything = targets((ROOT / ".ci" / "run").read_text())
    assert set.union(*(targets(script(job)) for job in ci.values())) == everything
    for sampled in (script(ci["unit"]), script(ci["integration"]), (ROOT / ".ci" / "run").read_text()):
        assert "WHOLE=1" in sampled
    assert {"lint", "unit", "statemachine", "integration", "test-image", "test-gitops"} <= everything
    # The image is built as root, with the programs that the user has.
    as_root = 'sudo env "HOME=$HOME" "PATH=$PATH"'
    assert f"{as_root} .ci/run" in script(jobs["test"])
    assert f"{as_root} make test-image" in script(ci["image"])


def test_style_and_types_are_checked_first() -> None:
    ci = yaml.safe_load(CI.read_text())["jobs"]
    assert targets(script(ci["lint"])) == {"lint", "types"}
    assert {name: job.get("needs") for name, job in ci.items() if name != "lint"} == dict.fromkeys(
        ci.keys() - {"lint"}, "lint"
    )


def test_programs_are_cached_by_what_they_are_built_from(jobs: dict[str, Any]) -> None:
    ci = yaml.safe_load(CI.read_text())["jobs"]
    for job in (jobs["test"], ci["integration"], ci["image"], ci["gitops"]):
        cached = step(job, "actions/cache")
        (made_of,) = re.findall(r"hashFiles\('(.+)'\)", cached["key"])
        assert {path.name for path in ROOT.glob(made_of)} >= {"programs.py", "go.mod", "go.sum"}
    for job in (jobs["test"], ci["image"]):  # only root can read the image's layers
        paths = step(job, "actions/cache")["path"].splitlines()
        assert paths == ["~/.cache/trail-operator/*", "!~/.cache/trail-operator/image"]


def test_each_change_is_tested_without_any_right() -> None:
    ci = yaml.safe_load(CI.read_text())
    assert set(ci[True]) == {"push", "pull_request"}
    assert ci["permissions"] == {"contents": "read"}
    for job in ci["jobs"].values():
        assert "permissions" not in job
        assert step(job, "actions/checkout")["persist-credentials"] is False


@BOTH
def test_actions_are_pinned_by_commit(workflow: Path) -> None:
    for line in workflow.read_text().splitlines():
        if "uses:" in line:
            assert re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


@BOTH
def test_what_others_can_name_is_in_no_script(workflow: Path) -> None:
    """A name of a tag or branch in an expression within a script would be run as a part of it."""
    for job in yaml.safe_load(workflow.read_text())["jobs"].values():
        assert "${{" not in script(job)


def test_the_image_is_for_two_architectures_on_a_base_by_digest_with_its_parts_on_record(jobs: dict[str, Any]) -> None:
    build = step(jobs["image"], "docker/build-push-action")
    assert build["platforms"] == "linux/amd64,linux/arm64"
    assert (build["push"], build["sbom"], build["provenance"]) == (True, True, "mode=max")
    base = "${{ steps.base.outputs.name }}@${{ steps.base.outputs.digest }}"
    assert build["build-args"].splitlines() == [f"BUILD_IMAGE={base}", f"RUN_IMAGE={base}"]
    arguments = re.findall(r"^ARG (?:BUILD|RUN)_IMAGE=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert len(arguments) == 2
    assert len(set(arguments)) == 1, "the workflow pins one base image for both stages"


def test_what_is_pushed_is_signed_by_digest(jobs: dict[str, Any]) -> None:
    assert "cosign sign-blob --yes --bundle SHA256SUMS.sigstore.json SHA256SUMS" in script(jobs["release"])
    assert 'cosign sign --yes --recursive "$IMAGE@$DIGEST"' in script(jobs["image"])
    assert 'cosign sign --yes "$CHARTS/trail-operator@$digest"' in script(jobs["chart"])


def test_the_wheel_of_the_release_is_what_the_documentation_installs(jobs: dict[str, Any]) -> None:
    """What the documentation installs has that name."""
    [wheel] = re.findall(r"^build/bin/pip wheel .*$", script(jobs["release"]), re.MULTILINE)
    assert "--no-deps --no-build-isolation --wheel-dir release ." in wheel
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    name = f"trail_operator-{version}-py3-none-any.whl"
    assert f'sha256sum trail-operator-crds.yaml "{name.replace(version, "${VERSION#v}")}" > SHA256SUMS' in script(
        jobs["release"]
    )
    pages = {path: path.read_text() for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))}
    installed = {path.name: re.findall(r"\buv tool install (\S+)", page) for path, page in pages.items()}
    url = f"https://github.com/trail-operator/trail-operator/releases/download/v{version}/{name}"
    assert {page: set(found) for page, found in installed.items() if found} == {
        "commands.md": {url},
        "plan-in-pull-requests.md": {url},
    }
    of_pypi = r"((pip|pipx|uv tool) install|uvx|pipx run)\s+[\"']?trail-operator"
    assert not [path for path, page in pages.items() if re.search(of_pypi, page)]


def test_the_chart_names_the_image_by_digest(jobs: dict[str, Any]) -> None:
    """The workflow's own command, run on the chart's values."""
    [pin] = re.findall(r'^sed -i (".*") "\$values"$', script(jobs["chart"]), re.MULTILINE)
    digest = f"sha256:{'a' * 64}"
    done = subprocess.run(
        ["bash", "-c", f"sed {pin} {ROOT}/charts/trail-operator/values.yaml"],
        env={"IMAGE": "registry.example/trail-operator", "DIGEST": digest, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    image = yaml.safe_load(done.stdout)["image"]
    assert (image["repository"], image["digest"]) == ("registry.example/trail-operator", digest)
    before = yaml.safe_load((ROOT / "charts" / "trail-operator" / "values.yaml").read_text())
    assert before | {"image": image} == yaml.safe_load(done.stdout)


def test_the_github_release_has_the_crds_their_checksums_and_the_notes(jobs: dict[str, Any], tmp_path: Path) -> None:
    """The workflow's own commands, with a changelog of two versions, and with cosign, gh and pip replaced."""
    programs = {name: f'echo {name} "$@" >> {tmp_path}/calls' for name in ("cosign", "gh")}
    programs["pip"] = "if [ $1 = wheel ]; then touch release/trail_operator-0.2.0-py3-none-any.whl; fi"
    programs["python3"] = f"mkdir --parents $3/bin && cp {tmp_path}/pip $3/bin"
    for program, command in programs.items():
        (tmp_path / program).write_text(f"#!/bin/sh\n{command}\n")
        (tmp_path / program).chmod(0o755)
    (tmp_path / "crds").symlink_to(ROOT / "crds")
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [0.2.0] - 2027-01-01\n\nNew.\n\n## [0.1.0] - 2026-12-01\n\nOld.\n"
    )
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "VERSION": "v0.2.0",
        "IMAGE": "ghcr.io/o/r",
        "CHARTS": "ghcr.io/o/charts",
        "IMAGE_DIGEST": "sha256:1",
        "CHART_DIGEST": "sha256:2",
    }
    subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script(jobs["release"])], cwd=tmp_path, env=environment, check=True
    )
    crds = list(yaml.safe_load_all((tmp_path / "release" / "trail-operator-crds.yaml").read_text()))
    assert [crd["spec"]["names"]["kind"] for crd in crds] == ["AWSAccount", "TrailAlarmSet", "Trail"]
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path / "release", check=True)
    published = {"trail-operator-crds.yaml", "trail_operator-0.2.0-py3-none-any.whl", "SHA256SUMS"}
    assert {path.name for path in (tmp_path / "release").iterdir()} == published
    notes = (tmp_path / "notes.md").read_text()
    assert "New." in notes
    assert "Old." not in notes
    assert "`ghcr.io/o/r@sha256:1`" in notes
    assert "`oci://ghcr.io/o/charts/trail-operator@sha256:2`" in notes
    assert "gh release create v0.2.0 --verify-tag" in (tmp_path / "calls").read_text()
