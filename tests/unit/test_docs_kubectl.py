"""What is printed for people names our kinds to kubectl so that no other controller's kind of that name is meant."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(path for path in (ROOT / "examples").rglob("*") if path.is_file()),
    *(path for path in (ROOT / "charts").rglob("*") if path.suffix in (".md", ".txt", ".yaml", ".json", ".tpl")),
    *(ROOT / "operator").rglob("*.py"),
    *(ROOT / "sandbox").rglob("*.py"),
    ROOT / "Makefile",
]
# As far as the quotation, the shell's command or the line goes. `kubectl trail` is the plugin, and names no kind.
_COMMAND = re.compile(r"\bkubectl\b(?! trail\b)[^`\"';|&\n]*")
_AMBIGUOUS = re.compile(r"([Tt]rails?|awsaccounts?|AWSAccounts?)(/.*)?")


def ambiguous(text: str) -> list[str]:
    """The commands that name a kind which other controllers have as well."""
    commands = _COMMAND.findall(text.replace("\\\n", " "))
    return [command for command in commands if any(map(_AMBIGUOUS.fullmatch, re.split(r"[\s,]+", command)))]


def test_pages_with_commands_are_found() -> None:
    assert sum(len(_COMMAND.findall(page.read_text())) for page in PAGES) > 30
    found = {page.name for page in PAGES}
    assert found > {"README.md", "NOTES.txt", "alerts.yaml", "demo.py", "TrailNotReady.md", "Makefile"}


def test_kubectl_is_given_short_names() -> None:
    found = {str(page.relative_to(ROOT)): ambiguous(page.read_text()) for page in PAGES}
    assert {page: commands for page, commands in found.items() if commands} == {}, "write ctrail and awsacc"


@pytest.mark.parametrize(
    ("text", "is_ambiguous"),
    [
        ("kubectl get trails -o wide", True),
        ("see `kubectl describe trail -n NAMESPACE audit`", True),
        ("kubectl wait --for=condition=Ready \\\n  trail/audit", True),
        ("kubectl get awsaccounts", True),
        ("kubectl get ctrail,trails", True),
        ("kubectl get ctrail TRAIL; its trails", False),
        ("kubectl get trails.trail-operator.dev", False),
        ("kubectl trail export trail", False),
        ("kubectl trails", True),
        ("kubectl delete crd awsaccounts.trail-operator.dev", False),
    ],
)
def test_what_counts_as_ambiguous(text: str, is_ambiguous: bool) -> None:
    assert bool(ambiguous(text)) is is_ambiguous
