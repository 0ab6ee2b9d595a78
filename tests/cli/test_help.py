"""Every command's help names what it takes by plain words: no braces, no types of the library that reads it."""

import re

import pytest
from typer.testing import CliRunner

from consumer.cli import app as command_line
from consumer.cli import parked

COMMANDS = [[], *([name] for name in command_line.COMMANDS)] + [
    ["parked", str(command.name)] for command in parked.parked.registered_commands
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_has_no_braces_and_no_types(command: list[str]) -> None:
    done = CliRunner().invoke(command_line.app, [*command, "--help"])
    usage = done.stdout.partition("\n  Exit codes:")[0]

    assert done.exit_code == 0
    assert re.findall(r"[{}]|<[a-z ]+>|RANGE|INTEGER|FLOAT", usage) == []


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        ("quiet", "quiet [OPTIONS] PID"),
        ("run", "run [OPTIONS] MODULE:ATTRIBUTE"),
        ("top", "top [OPTIONS] [ADDRESS]..."),
    ],
)
def test_what_a_command_takes_is_shown_as_it_is_typed(command: str, usage: str) -> None:
    assert usage in CliRunner().invoke(command_line.app, [command, "--help"]).stdout


def test_every_argument_and_option_is_told_with_its_name_and_help() -> None:
    told = CliRunner().invoke(command_line.app, ["quiet", "--help"]).stdout

    assert re.search(r"^  PID +The worker's process id\.$", told, re.MULTILINE)
    assert re.search(r"^  -h, --help +Show this message and exit\.$", told, re.MULTILINE)


def test_a_wrong_argument_is_named_as_it_is_in_the_help() -> None:
    done = CliRunner().invoke(command_line.app, ["quiet", "0"])

    assert done.exit_code == 2
    assert "PID" in done.output
