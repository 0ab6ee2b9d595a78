"""How a command's `--help` shows what it takes: by the plain words that one puts there.

May know: typer. May not know: commands.
"""

from typing import Any

from typer.core import TyperCommand


class PlainCommand(TyperCommand):
    """Shows arguments by their metavars alone: `PID`, where typer has `{PID}` and `PID <int range>` in some versions.

    Contexts, parameters and formatters are click's; they go by Any since typer brings its own copy in some versions.
    """

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Of the line that says how it is typed."""
        return ["[OPTIONS]", *(_in_usage(each) for each in self._arguments(ctx))]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments first, then options."""
        options = [each for each in self.get_params(ctx) if each.param_type_name == "option"]
        records = {
            "Arguments": [(_name(each), each.help or "") for each in self._arguments(ctx)],
            "Options": [record for record in (each.get_help_record(ctx) for each in options) if record],
        }
        for title, shown in records.items():
            if shown:
                with formatter.section(title):
                    formatter.write_dl(shown)

    def _arguments(self, ctx: Any) -> list[Any]:
        return [each for each in self.get_params(ctx) if each.param_type_name == "argument"]


def _name(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _in_usage(argument: Any) -> str:
    name = _name(argument) if argument.required else f"[{_name(argument)}]"
    return name if argument.nargs == 1 else f"{name}..."
