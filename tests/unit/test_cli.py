"""The command line: its help is golden text, and what help prints is accepted. `make golden` rewrites the texts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trail_operator.cli import kubectl_trail, main, plan, run
from trail_operator.cli.parser import Parser
from trail_operator.cli.setting_flags import read_settings
from trail_operator.settings import Settings, default_text, flag

HELP = Path(__file__).parent / "help"
COMMANDS = {
    "trail-operator": [],
    **{f"trail-operator-{name}": [name] for name in ("run", "plan", "export", "policy", "crds", "completion")},
}
DEFAULTS = {flag(name): default_text(field) for name, field in Settings.model_fields.items()}


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["trail-operator", *arguments])
        patch.setenv("COLUMNS", "100")
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 0
    return capsys.readouterr().out


def settings(*arguments: str) -> Settings:
    parser = Parser(prog="trail-operator")
    run.add_to(parser.add_subparsers())
    return read_settings(parser.parse_args(["run", *arguments]))


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_the_golden_text(capsys: pytest.CaptureFixture[str], name: str) -> None:
    text, golden = output(capsys, *COMMANDS[name], "--help"), HELP / f"{name}.txt"
    if os.environ.get("GOLDEN") == "write":
        golden.write_text(text)
    assert text == golden.read_text(), "run `make golden` and review the difference"


@pytest.mark.parametrize("arguments", [["--version"], *([*command, "--help"] for command in COMMANDS.values())])
def test_help_and_version_import_no_large_library(arguments: list[str]) -> None:
    script = (
        "import sys\nfrom trail_operator.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n"
        "    print(sorted({'kopf', 'kubernetes', 'boto3', 'botocore', 'aiohttp'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("is_terminal", "environment", "coloured"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": ""}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {}, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, environment: dict[str, str], coloured: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal, raising=False)
    assert plan.has_colour() is coloured


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_ended_is_no_error_of_the_program(unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = printing(writer, unbuffered)
    os.close(writer)
    assert done.returncode == 1
    assert "Error" not in done.stderr


def test_a_disk_that_is_full_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = printing(full.fileno())
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "trail-operator: cannot write the output: No space left on device"
    assert "Error" not in done.stderr


def printing(stdout: int, unbuffered: str = "") -> subprocess.CompletedProcess[str]:
    """A command that prints to this file and ends with a status of its own."""
    command = [sys.executable, "-m", "trail_operator", "policy", "operator", "--read-only", "--account-id", "1" * 12]
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, env=environment, check=False)


def test_help_is_shown_without_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert output(capsys) == (HELP / "trail-operator.txt").read_text()


@pytest.mark.parametrize("name", [name for name, default in DEFAULTS.items() if default])
def test_a_default_that_help_prints_is_accepted(name: str) -> None:
    assert settings(name, DEFAULTS[name], "--lease-namespace", "x") == Settings(lease_namespace="x")


def test_a_boolean_flag_needs_no_value() -> None:
    assert settings("--leader-election", "--lease-namespace", "x").leader_election is True
    assert settings("--own-identity", "false").own_identity is False
    assert settings("--own-identity=false").own_identity is False


@pytest.mark.parametrize("arguments", [["--namespace", "a", "--namespace", "b"], ["--namespace", "a,b"]])
def test_a_list_is_repeated_or_separated_by_commas(arguments: list[str]) -> None:
    assert settings(*arguments).namespace == ["a", "b"]


def test_a_flag_wins_over_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAIL_OPERATOR_RESYNC", "5m")
    monkeypatch.setenv("TRAIL_OPERATOR_NAMESPACE", "c")
    assert settings("--resync", "30s").resync.total_seconds() == 30
    assert settings("--namespace", "a").namespace == ["a"]
    assert settings().namespace == ["c"]


def test_a_flag_cannot_be_abbreviated(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        settings("--leader")
    assert ended.value.code == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_plugin_of_kubectl_has_the_commands_that_only_read(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["kubectl-trail", "--help"])
    with pytest.raises(SystemExit):
        kubectl_trail()
    shown = capsys.readouterr().out
    assert shown.startswith("usage: kubectl trail COMMAND [flags]")
    assert " export " in shown
    assert " run " not in shown
    monkeypatch.setattr("sys.argv", ["kubectl-trail", "export", "--unknown"])
    with pytest.raises(SystemExit):
        kubectl_trail()
    assert capsys.readouterr().err.startswith("kubectl trail: unrecognized arguments: --unknown")
