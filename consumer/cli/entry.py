"""The command's first lines: own the stop signals before anything slow is imported.

May know: which subcommand owns signals. May not know: settings, workers.
"""

import atexit
import gc
import os
import sys

from consumer.hosts.inits import leave_group
from consumer.hosts.signals import FORCED, StopSignals

ORPHANS = 3


def main() -> None:
    """Run the command; exits the process with its exit code."""
    signals = None
    if sys.argv[1:2] == ["run"]:
        signals = StopSignals().install()
        gc.disable()  # nothing that is imported becomes garbage; `run` enables it again
        atexit.register(signals.ignore)  # the first that is registered runs last: after every thread has been joined
    else:
        leave_group()
    from consumer.cli.app import app  # noqa: PLC0415 - see above

    try:
        app()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    if signals is not None:
        if code in {ORPHANS, FORCED}:  # a thread that was left behind must not hold the process
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        gc.freeze()  # the interpreter's last garbage collections would look at every module again
    sys.exit(code)
