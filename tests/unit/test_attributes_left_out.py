"""An attribute that is left out somewhere is found: shown with one that is made up, on a copy of the operator."""

import os
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import trail_operator
from trail_operator.domain.attributes import ATTRIBUTES, Attribute

TESTS = Path(__file__).parents[1]
CHECKS = "tests/unit/test_attributes.py"
OF_AWS = f"{CHECKS}::test_aws_knows_every_attribute_and_there_is_no_other"
DOMAIN, UNIT = "trail_operator/domain", "tests/unit"
# All places that an attribute has to be in: the file, what it is put before, and what is put there.
PLACES = {
    "the spec": (
        "trail_operator/api/trail.py",
        "    event_selectors: EventSelectors = None\n",
        '    archive_enabled: Annotated[StrictBool, Field(description="")] = False\n',
    ),
    "the normal form": (
        f"{DOMAIN}/attributes.py",
        "\n\n@dataclass(frozen=True)\nclass Resolved",
        "    archive_enabled: bool\n",
    ),
    "the table": (
        f"{DOMAIN}/attributes.py",
        "}\nSCOPE = ",
        '    "archive_enabled": Attribute("archiveEnabled", "ArchiveEnabled", "Archived", _OFF, is_scope=True),\n',
    ),
    "what is told of losses": (
        f"{DOMAIN}/coverage.py",
        '    "recursive_logging": ',
        '    "archive_enabled": "nothing is archived any more",\n',
    ),
    "what is warned of": (
        f"{DOMAIN}/warnings.py",
        "        _own_delivery(desired, exists=exists),\n",
        '        Advice(Reason.NO_MANAGEMENT_EVENTS, "archived") if desired.configuration.archive_enabled else None,\n',
    ),
    "the values of tests": (f"{UNIT}/builders.py", ")\nFULL = ", "    archive_enabled=False,\n"),
    "the test of its normal form": (
        CHECKS,
        '    "recursive_logging": (False',
        '    "archive_enabled": (True, True, True),\n',
    ),
    "the test of its warnings": (CHECKS, '    "recursive_logging": desired(', '    "archive_enabled": desired(),\n'),
}


def checked(directory: Path, *, without: str | None = None) -> tuple[int, str]:
    """What the tests of attributes say of a copy that has the attribute in all places but one."""
    for package in ("api", "domain"):
        shutil.copytree(Path(trail_operator.__file__).parent / package, directory / "trail_operator" / package)
    (directory / UNIT).mkdir(parents=True)
    for name in ("trail_operator", "tests", UNIT):
        (directory / name / "__init__.py").touch()
    for name in ("builders.py", "test_attributes.py"):
        shutil.copy(TESTS / "unit" / name, directory / UNIT)
    for place, (path, before, put) in PLACES.items():
        if place != without:
            source = (directory / path).read_text()
            assert source.count(before) == 1, f"{place}: what it is put before has changed"
            (directory / path).write_text(source.replace(before, put + before))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", CHECKS, "-q", "-p", "no:cacheprovider", "--deselect", OF_AWS],
        cwd=directory,
        env=os.environ | {"PYTHONPATH": str(directory), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_an_attribute_that_is_in_all_places_works(tmp_path: Path) -> None:
    code, told = checked(tmp_path)
    assert code == 0, told


@pytest.mark.parametrize("place", PLACES)
def test_one_that_is_left_out_somewhere_is_named(tmp_path: Path, place: str) -> None:
    code, told = checked(tmp_path, without=place)
    assert code in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED), told
    assert "archive_enabled" in told or "archiveEnabled" in told


@pytest.mark.parametrize("column", [entry.name for entry in fields(Attribute)])
def test_no_column_of_the_table_can_be_left_out(column: str) -> None:
    row: dict[str, Any] = {**vars(ATTRIBUTES["recursive_logging"])}
    del row[column]
    with pytest.raises(TypeError, match=column):
        Attribute(**row)
