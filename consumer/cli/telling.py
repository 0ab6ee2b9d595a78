"""Sends a worker process a signal, once it is sure, as far as can be known, that it is one.

May know: process ids, signals, what /proc tells. May not know: workers, settings.

A signal that its receiver does not handle suspends or ends it; so whoever does not handle this one is not sent it.
"""

import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from consumer.errors import ConfigurationError
from consumer.hosts.inits import behind, init_name

Pid = Annotated[int, typer.Argument(metavar="PID", min=1, help="The worker's process id.")]


def tell(pid: int, name: str, what: str) -> None:
    """Send it, to the worker that an init runs where the process is one, and say so.

    Raises ConfigurationError when there is no such worker, or it can't be told.
    """
    if not hasattr(signal, name):
        raise ConfigurationError(f"this system has no {name}: call worker.quiet() and worker.resume() in the program.")
    told, init = behind(pid), init_name(pid)
    _refuse_who_would_not_hear(told)
    try:
        os.kill(told, getattr(signal, name))
    except (ProcessLookupError, OverflowError):
        raise ConfigurationError(f"there is no process {told}.") from None
    except PermissionError:
        raise ConfigurationError(f"process {told} belongs to another user: tell it as that user, or as root.") from None
    typer.echo(f"told process {told} {what}" + (f" ({init}, process {pid}, runs it)" if init else ""))


def _refuse_who_would_not_hear(pid: int) -> None:
    try:
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        caught, program = int(status["SigCgt"], 16), status["Name"]
    except (OSError, KeyError, ValueError):
        return  # there is no such process, which `kill` tells, or no /proc
    if not all(caught >> (number - 1) & 1 for number in (signal.SIGTSTP, signal.SIGCONT)):
        raise ConfigurationError(
            f"process {pid} ({program}) is no worker that can be told so: it does not handle SIGTSTP and SIGCONT. "
            "Those of `lastcall run` and worker.run() do, soon after their start; where your application owns the "
            "signals, let it call worker.quiet() and worker.resume()."
        )
