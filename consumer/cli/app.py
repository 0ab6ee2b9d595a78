"""The command line as a whole: its commands, each imported only when it is asked for, and its errors.

May know: typer, where the commands are. May not know: what they do.
"""

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from consumer._version import __version__
from consumer.cli.plain import PlainCommand
from consumer.errors import ConfigurationError

COMMANDS = ("run", "quiet", "resume", "top", "drill", "check", "parked")
"""Each is what has that name in `consumer.cli.<name>`: a function, with an EPILOG beside it if it likes, or a Typer."""

_STYLE: dict[str, Any] = {
    "add_completion": False,
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 100},
}


class _Commands(TyperGroup):
    """Imports a command when it is asked for, and turns a ConfigurationError into a usage error (exit code 2).

    The contexts and commands are click's; they go by Any since typer brings its own copy in some versions.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"consumer.cli.{cmd_name}")
        command = getattr(module, cmd_name)
        if isinstance(command, typer.Typer):
            return typer.main.get_command(command)
        single = typer.Typer(**_STYLE)
        single.command(cmd_name, cls=PlainCommand, epilog=getattr(module, "EPILOG", None))(command)
        return typer.main.get_command(single)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            typer.echo(f"lastcall: {error}", err=True)
            raise typer.Exit(2) from error


app = typer.Typer(cls=_Commands, no_args_is_help=True, **_STYLE)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lastcall {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Lastcall: RabbitMQ workers that finish what they started."""
