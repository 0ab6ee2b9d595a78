"""`lastcall resume PID`: tell a quiet worker to take new work again.

May know: typer. May not know: how a worker is told.
"""

from consumer.cli.telling import Pid, tell


def resume(pid: Pid) -> None:
    """Tell a quiet worker to take new work again (SIGCONT)."""
    tell(pid, "SIGCONT", "to resume")
