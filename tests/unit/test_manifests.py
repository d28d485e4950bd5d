"""Manifests from files, directories and standard input: what is read, and a clear line for what cannot be used."""

from pathlib import Path

import pytest
import yaml

from trail_operator.preview.manifests import ManifestError, Manifests, read_manifests

ROOT = Path(__file__).parents[2]
TRAIL = """\
apiVersion: trail-operator.dev/v1beta1
kind: Trail
metadata:
  name: audit
spec:
  s3BucketName: audit-logs
"""
ACCOUNT = """\
apiVersion: trail-operator.dev/v1beta1
kind: AWSAccount
metadata:
  name: prod
spec:
  accountID: "123456789012"
"""
ALARM_SET = """\
apiVersion: trail-operator.dev/v1alpha1
kind: TrailAlarmSet
metadata:
  name: cis
spec:
  trailRef: {name: audit}
  presets: [CIS]
"""
OTHERS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: trails}
data: {Trail: "no trail"}
---
# only a comment
---
apiVersion: cloudtrail.services.k8s.aws/v1alpha1
kind: Trail
metadata: {name: of-ack}
spec: {name: of-ack}
"""


def read(text: str | bytes) -> Manifests:
    return read_manifests(["-"], stdin=lambda: text.encode() if isinstance(text, str) else text)


def problems(text: str | bytes) -> tuple[str, ...]:
    with pytest.raises(ManifestError) as refused:
        read(text)
    return refused.value.problems


def trail(name: str, namespace: str | None = None, **spec: object) -> dict[str, object]:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    spec = {"s3BucketName": "audit-logs", **spec}
    return {"apiVersion": "trail-operator.dev/v1beta1", "kind": "Trail", "metadata": metadata, "spec": spec}


def test_other_kinds_are_ignored() -> None:
    found = read(f"{OTHERS}---\n{TRAIL}---\n{ACCOUNT}")
    assert [str(one) for one in found.trails] == ["Trail default/audit"]
    assert [str(one) for one in found.accounts] == ["AWSAccount prod"]
    assert found.trails[0].spec == {"s3BucketName": "audit-logs"}
    assert found.trails[0].source == "standard input, document 4"


def test_files_and_directories(tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    (tmp_path / "many" / "a.yaml").write_text(TRAIL)
    (tmp_path / "many" / "b.yml").write_text(TRAIL.replace("audit\n", "b\n"))
    (tmp_path / "many" / "c.json").write_text(yaml.safe_dump(trail("c")))
    (tmp_path / "many" / "README.md").write_text("{{ neither YAML")
    (tmp_path / "many" / "kustomization.yaml").write_text("resources: [a.yaml]")
    (tmp_path / "many" / "empty.yaml").touch()
    (tmp_path / "many" / "inner").mkdir()
    (tmp_path / "many" / "inner" / "d.yaml").write_text(TRAIL)
    (tmp_path / "account.yaml").write_text(ACCOUNT)
    found = read_manifests([str(tmp_path / "account.yaml"), str(tmp_path / "many")], namespace="security")
    assert [str(one) for one in found.trails] == ["Trail security/audit", "Trail security/b", "Trail security/c"]
    assert [one.name for one in found.accounts] == ["prod"]


def test_lists_of_kubectl() -> None:
    items = [trail("a", "x"), trail("b", "x") | {"status": {"unknown": 1}}, {"kind": "Pod"}, "text"]
    found = read(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items}))
    assert [str(one) for one in found.trails] == ["Trail x/a", "Trail x/b"]
    assert "status" not in found.trails[1].body


def test_alarm_sets_are_read_alone_and_beside_trails() -> None:
    alone = read(ALARM_SET)
    assert ([str(one) for one in alone.alarm_sets], alone.trails) == (["TrailAlarmSet default/cis"], ())
    assert {str(key) for key in alone.referenced_trails} == {"default/audit"}
    both = read(f"{ALARM_SET}---\n{TRAIL}---\n{ALARM_SET.replace('name: cis', 'name: audit')}")
    assert [str(one) for one in both.alarm_sets] == ["TrailAlarmSet default/cis", "TrailAlarmSet default/audit"]
    items = [yaml.safe_load(text) for text in (ALARM_SET, TRAIL)]
    listed = read(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items}))
    assert (len(listed.trails), len(listed.alarm_sets)) == (1, 1)


def test_examples_are_read() -> None:
    found = read_manifests(
        [str(path) for path in sorted((ROOT / "examples").glob("*.yaml")) if "Trail" in path.read_text()]
    )
    assert found.trails


def test_fields_that_are_null_are_absent() -> None:
    """As the templates of a chart leave them, and as the API server reads them."""
    [found] = read(TRAIL + "  region:\n  isLogging: null\n  eventSelectors: [{readWriteType: ~}]\n").trails
    assert found.spec == {"s3BucketName": "audit-logs", "eventSelectors": [{}]}


def test_names_of_other_namespaces_do_not_collide() -> None:
    found = read(yaml.safe_dump_all([trail("a", "x"), trail("a", "y"), trail("a")]))
    assert [one.namespace for one in found.trails] == ["x", "y", "default"]


@pytest.mark.parametrize("name", ["a" * 253, "a.b-c.0"])
def test_names_that_kubernetes_allows(name: str) -> None:
    assert [one.name for one in read(yaml.safe_dump(trail(name, "a" * 63))).trails] == [name]


def test_values_are_those_of_kubectl() -> None:
    """Dates stay strings, merges and anchors work, and UTF-16 of a Windows shell is read."""
    text = TRAIL + "  tags: [&a {key: since, value: 2024-01-01}, {<<: *a, key: until}]\n"
    expected = [{"key": "since", "value": "2024-01-01"}, {"key": "until", "value": "2024-01-01"}]
    assert read(text).trails[0].spec["tags"] == expected
    assert read(text.encode("utf-16")).trails[0].spec["tags"] == expected
    assert read(b"\xef\xbb\xbf" + text.encode()).trails[0].spec["tags"] == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no Trail or TrailAlarmSet of trail-operator.dev in -"),
        (ACCOUNT, "no Trail or TrailAlarmSet of trail-operator.dev in -"),
        (OTHERS, "no Trail or TrailAlarmSet of trail-operator.dev in -"),
        ("Error: no chart", "standard input: not a manifest: it has no kind"),
        ("a: b: c", "standard input: not YAML: line 1: mapping values are not allowed"),
        ("- {{ .Values.name }}", "standard input: not YAML: line 1: "),
        ("a: [1", "standard input: not YAML: line 2: did not find expected"),
        (b"kind: \xff\xfe", "standard input: not YAML: "),
        ("a: !!python/name:os.system", "standard input: not YAML: line 1: could not determine a constructor"),
        (f"a: {'9' * 5000}", "standard input: not YAML: "),
        ("[" * 100_000, "standard input: nested more than 100 levels deep"),
        ("[" * 100_000 + "]" * 100_000, "standard input: nested more than 100 levels deep"),
        (TRAIL + "  region: a\n  region: b\n", "standard input: not YAML: line 8: key 'region' occurs twice"),
        (TRAIL.replace("v1beta1", "v1"), "standard input: Trail audit: apiVersion must be trail-operator.dev/v1beta1"),
        (TRAIL.replace("name: audit", "generateName: a-"), "standard input: Trail without metadata.name"),
        (TRAIL.replace("name: audit", "name: 7"), "standard input: Trail without metadata.name"),
        (TRAIL.replace("spec:", "spec: []\nstatus:"), "standard input: Trail audit: spec must be an object"),
        (
            TRAIL.replace("audit\n", "audit\n  namespace: [a]\n"),
            "standard input: Trail audit: metadata.namespace must be a string",
        ),
        (
            TRAIL.replace("s3BucketName", "s3BuketName"),
            "standard input: Trail audit: unknown field spec.s3BuketName (did you mean s3BucketName?)",
        ),
        (TRAIL.replace("audit\n", "../../x\n"), "standard input: Trail ../../x: metadata.name must be lower-case"),
        (TRAIL.replace("audit\n", "Audit\n"), "standard input: Trail Audit: metadata.name must be lower-case"),
        (TRAIL.replace("name: audit\n", f"name: {'a' * 254}\n"), f"standard input: Trail {'a' * 254}: metadata.name"),
        (
            TRAIL.replace("audit\n", "audit\n  namespace: ../../../../api/v1/namespaces/x/services/y/proxy\n"),
            "standard input: Trail audit: metadata.namespace must be lower-case letters, digits and hyphens",
        ),
        (TRAIL + "  region: !!binary aGVsbG8=\n", "standard input: a value that JSON cannot express (bytes)"),
        (TRAIL + "  tags: !!set {a}\n", "standard input: a value that JSON cannot express (set)"),
        (TRAIL + "spek: {}\n", "standard input: Trail audit: unknown field spek (did you mean spec?)"),
        (
            TRAIL + "  advancedEventSelectors: [{fieldSelectors: [{field: a, equal: [b]}]}]\n",
            "standard input: Trail audit: unknown field spec.advancedEventSelectors[0].fieldSelectors[0].equal "
            "(did you mean equals?)",
        ),
        (
            f"{TRAIL}---\n{TRAIL}",
            "standard input, document 2: Trail default/audit is also in standard input, document 1",
        ),
        (
            ALARM_SET.replace("v1alpha1", "v1beta1"),
            "standard input: TrailAlarmSet cis: apiVersion must be trail-operator.dev/v1alpha1",
        ),
        (
            ALARM_SET.replace("presets", "preset"),
            "standard input: TrailAlarmSet cis: unknown field spec.preset (did you mean presets?)",
        ),
        (
            ALARM_SET + "  alarms: [{name: A, filterpattern: x}]\n",
            "standard input: TrailAlarmSet cis: unknown field spec.alarms[0].filterpattern (did you mean "
            "filterPattern?)",
        ),
        (ALARM_SET.replace("name: cis", "name: CIS"), "standard input: TrailAlarmSet CIS: metadata.name must be"),
        (ALARM_SET.replace("spec:", "spec: x\nstatus:"), "standard input: TrailAlarmSet cis: spec must be an object"),
        (
            f"{ALARM_SET}---\n{ALARM_SET}",
            "standard input, document 2: TrailAlarmSet default/cis is also in standard input, document 1",
        ),
        (
            f"{TRAIL}---\n{ACCOUNT}---\n{ACCOUNT}",
            "standard input, document 3: AWSAccount prod is also in standard input, document 2",
        ),
    ],
)
def test_a_clear_line_for_what_cannot_be_used(text: str | bytes, problem: str) -> None:
    found = problems(text)
    assert len(found) == 1
    assert found[0].startswith(problem)
    assert "\n" not in found[0]


def test_aliases_cannot_fill_the_memory() -> None:
    levels = [f"  l{number}: &l{number} [{', '.join([f'*l{number - 1}'] * 10)}]" for number in range(1, 10)]
    bomb = TRAIL + "\n".join(["  l0: &l0 [0]", *levels, "  tags: *l9\n"])
    assert problems(bomb) == ("standard input: more than 100,000 values in one manifest",)
    endless = "standard input: nested more than 100 levels deep"
    assert problems(TRAIL + "  tags: &a [*a]\n") == (endless,)
    deep = "\n".join(["  l0: &l0 [0]", *(f"  l{number}: &l{number} [*l{number - 1}]" for number in range(1, 5000))])
    nested = yaml.safe_dump(trail("audit")).replace("\n", "\n  ").rstrip()
    assert problems(f"kind: List\nitems:\n- kind: Other\n{deep}\n- {nested}\n    tags: *l4999\n") == (endless,)


def test_every_problem_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(TRAIL + "  one: 1\n  two: 2\n")
    (tmp_path / "b.yaml").write_text("a: b: c")
    paths = [str(tmp_path / name) for name in ("a.yaml", "b.yaml", "c.yaml")]
    with pytest.raises(ManifestError) as refused:
        read_manifests(paths)
    assert [problem.removeprefix(f"{tmp_path}/").split(" ", 1)[0] for problem in refused.value.problems] == [
        "a.yaml:",
        "a.yaml:",
        "b.yaml:",
        "c.yaml:",
    ]
    assert refused.value.problems[3].endswith("c.yaml: No such file or directory")


def test_standard_input_may_be_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    (tmp_path / "audit.yaml").write_text(TRAIL)
    assert read_manifests([str(tmp_path / "audit.yaml")]).trails
    with pytest.raises(ManifestError, match="no Trail"):
        read_manifests(["-"])


def test_standard_input_is_read_once() -> None:
    with pytest.raises(ManifestError, match="only once"):
        read_manifests(["-", "-"], stdin=lambda: TRAIL.encode())
