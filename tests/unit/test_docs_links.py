"""Links between the pages lead somewhere, as GitHub shows them; `make site` checks the links of the website.

The modules, folders and classes that pages name exist.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    *ROOT.glob("*.md"),
    *(page for folder in ("docs", "charts", "examples") for page in (ROOT / folder).rglob("*.md")),
]
_CODE = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
PACKAGE = ROOT / "operator" / "trail_operator"
# Modules, in sentences and in code; folders only where they are marked as code.
_MODULE = re.compile(r"(?<![\w/.:-])(?:\w[\w-]*/)*\w+\.py\b")
_FOLDER = re.compile(r"`((?:[\w-]+/)+[\w-]*)`")
_MEMBER = re.compile(r"`([\w/]+\.py): (\w+)`")
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)|^\[[^\]]+\]: (?!https?:)(\S+)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", _CODE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def broken(page: Path) -> list[str]:
    """Return the links of a page that lead nowhere."""
    found = []
    for path, anchor, reference in _LINK.findall(_CODE.sub("", page.read_text())):
        target = (page.parent / (path or reference)).resolve() if path or reference else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(f"{path or reference}#{anchor}")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One two\n[a](#one-two) [b](#three) [c](gone.md) [d](https://example.com/gone)\n```\n[e](gone)\n```\n"
    )
    assert broken(page) == ["#three", "gone.md#"]


def missing(text: str) -> list[str]:
    """Return the modules, folders and members of modules that a text names and that do not exist."""
    names = {path.name for folder in ("operator", "sandbox", "tests") for path in (ROOT / folder).rglob("*.py")}
    modules = [name for name in _MODULE.findall(text) if not (_exists(name) or name in names)]
    tops = {path.name for top in (ROOT, PACKAGE) for path in top.iterdir() if path.is_dir()}
    folders = [name for name in _FOLDER.findall(text) if name.split("/")[0] in tops and not _exists(name)]
    members = [
        f"{module}: {member}"
        for module, member in _MEMBER.findall(text)
        if _exists(module) and not re.search(rf"^(class|def) {member}\b", (PACKAGE / module).read_text(), re.MULTILINE)
    ]
    return [*modules, *folders, *members]


def _exists(name: str) -> bool:
    return any((top / name).exists() for top in (ROOT, PACKAGE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_named_modules_exist(page: Path) -> None:
    assert missing(page.read_text()) == []


def test_a_missing_module_is_found() -> None:
    text = (
        "`trail/delete.py` and gone.py, `trail/gone.py`, operator/trail_operator/trail/gone.py; `domain/iam_policy/`, "
        "`trail/gone/`, `team/audit`; `domain/ownership.py: Cluster`, `domain/ownership.py: Gone`"
    )
    assert missing(text) == [
        *("gone.py", "trail/gone.py", "operator/trail_operator/trail/gone.py"),
        *("trail/gone/", "domain/ownership.py: Gone"),
    ]
