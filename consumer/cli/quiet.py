"""`lastcall quiet PID`: tell a worker to take nothing new and to stay.

May know: typer. May not know: how a worker is told.
"""

from consumer.cli.telling import Pid, tell

EPILOG = """\b
The worker hands back what it has not started, finishes what it has, and stays connected, until
`lastcall resume PID`. SIGTERM drains it as ever. With --processes, PID is the parent's; of an
init it is the worker behind it: `lastcall quiet 1` in a container.
"""


def quiet(pid: Pid) -> None:
    """Tell a worker to take nothing new, and to stay (SIGTSTP)."""
    tell(pid, "SIGTSTP", "to be quiet")
