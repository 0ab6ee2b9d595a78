"""Several worker processes under one parent: started alike, told to stop at once, restarted when they crash.

May know: processes, stop signals, exit codes. May not know: event loops, brokers, what the processes do.

Each child is this very command over again, in a process group of its own: a terminal's Ctrl+C reaches the parent
alone, which passes it on once. Over the link between them a child hears that it is to be quiet or to resume (a signal
could come before it has a handler, and suspend it), and of its parent's end, at which it drains.
"""

import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from signal import SIGTERM
from threading import Event, Thread
from time import monotonic
from typing import Any

from consumer.engine.report import ExitCode
from consumer.errors import ConfigurationError
from consumer.hosts.parent_link import LINK, QUIET, RESUME
from consumer.hosts.signals import FORCED, LEAVING, StopSignals, installed

STEADY = 60.0
"""Seconds of life after which a crash is not one of a row any more."""
IN_A_ROW = 5
"""Crashes of one child, none of them after a steady life, with which the whole is given up."""
WORST_FIRST = (FORCED, int(ExitCode.ORPHANS), int(ExitCode.FAILED), int(ExitCode.USAGE), int(ExitCode.CLEAN))
"""The parent's exit code is the first of these that a child ended with at last."""

_log = logging.getLogger("lastcall")


class Fleet:
    """`run` returns the exit code when every child has ended. Made and used on the main thread.

    `stop_signals`: the numbers of those that drain, beside SIGTERM and SIGINT.
    Raises ConfigurationError where the system has no process groups and passes no open files on (Windows).
    """

    def __init__(self, command: Sequence[str], processes: int, stop_signals: Sequence[int] = ()) -> None:
        if sys.platform == "win32":
            raise ConfigurationError("processes (--processes or LASTCALL_PROCESSES): on Windows start several workers.")
        self._command = command
        self._stop_signals = stop_signals
        self._children = [_Child(self, number) for number in range(1, processes + 1)]
        self._stopping = Event()
        self.wish = b""
        self.gave_up_with: int | None = None

    def run(self) -> int:
        """Start them all, and see to them until the last has ended."""
        before = installed()
        signals = before or StopSignals().install()
        signals.also(self._stop_signals)
        signals.attach(self, lambda: None, self.leave)
        try:
            threads = [Thread(target=child.live, name=f"lastcall child {child.number}") for child in self._children]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            code = self._exit_code()
            signals.detach(code)
            if before is None:
                signals.restore()
        self._report(code)
        return code

    def stop(self, reason: str) -> None:
        """All of them drain, from this moment on; also called in a signal handler."""
        self._stopping.set()
        for child in self._children:
            child.stop()

    def stop_now(self, reason: str) -> None:
        """All of them drain with their deadline now."""
        self._send(SIGTERM)

    def quiet(self, reason: str) -> None:
        """All of them take nothing new, and those that are started from now on; also called in a signal handler."""
        self._wish(QUIET)

    def resume(self) -> None:
        """All of them take new work again; also called in a signal handler."""
        self._wish(RESUME)

    def leave(self) -> None:
        """All of them end now."""
        for number in LEAVING:
            self._send(number)

    def give_up(self, code: int) -> None:
        """One of them can't live: the others drain, and the whole ends with its exit code."""
        self.gave_up_with = code if self.gave_up_with is None else self.gave_up_with
        self.stop("a process can't live")

    @property
    def stopping(self) -> Event:
        """Set when they have been told to stop."""
        return self._stopping

    def command(self) -> Sequence[str]:
        """What a child is."""
        return self._command

    def _send(self, number: int) -> None:
        for child in self._children:
            child.send(number)

    def _wish(self, wish: bytes) -> None:
        self.wish = wish
        for child in self._children:
            child.tell(wish)

    def _exit_code(self) -> int:
        codes = {child.code for child in self._children}
        if self.gave_up_with is not None:
            return self.gave_up_with
        return next((code for code in WORST_FIRST if code in codes), int(ExitCode.FAILED))

    def _report(self, code: int) -> None:
        reports = [report for child in self._children for report in child.reports]
        _log.info(
            "%d processes have ended, exit code %d: %d messages finished while draining, %d handed back, orphans: %s; "
            "%d restarts",
            len(self._children),
            code,
            sum(report["finished"] for report in reports),
            sum(report["handed_back"] for report in reports),
            ", ".join(name for report in reports for name in report["orphans"]) or "none",
            sum(child.restarts for child in self._children),
        )


class _Child:
    """One place in the fleet, and the processes that fill it, one after the other."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        self.number = number
        self.code = int(ExitCode.CLEAN)
        self.restarts = 0
        self.reports: list[dict[str, Any]] = []
        self._fleet = fleet
        self._process: subprocess.Popen[bytes] | None = None
        self._stop = [SIGTERM]
        self._link: socket.socket | None = None

    def live(self) -> None:
        """Until it has ended for good."""
        in_a_row = 0
        while not self._fleet.stopping.is_set():
            began = monotonic()
            self.code = self._one_life()
            if self.code == ExitCode.CLEAN or self._fleet.stopping.is_set():
                return
            in_a_row = 1 if monotonic() - began > STEADY else in_a_row + 1
            if self.code == ExitCode.USAGE or in_a_row >= IN_A_ROW:
                _log.error("process %d has ended with exit code %d again and again: giving up", self.number, self.code)
                self._fleet.give_up(self.code)
                return
            wait = 0.1 * 2.0**in_a_row
            _log.warning(
                "process %d has ended with exit code %d: restarting it in %.1f s", self.number, self.code, wait
            )
            self.restarts += 1
            self._fleet.stopping.wait(wait)

    def send(self, number: int) -> None:
        """Send a signal, if there is a process to get it."""
        process = self._process
        if process is not None:
            process.send_signal(number)

    def stop(self) -> None:
        """Have it drain, if there is a process to do so: once, whoever asks, as a second signal would hurry it."""
        process = self._process
        if process is not None:
            with suppress(IndexError):  # it has been told
                process.send_signal(self._stop.pop())

    def tell(self, wish: bytes) -> None:
        """Say it over the link, if there is a process to hear it; it is there for one that does not listen yet."""
        link = self._link
        if link is not None and wish:
            with suppress(OSError):  # it has ended
                link.send(wish, socket.MSG_DONTWAIT)

    def _one_life(self) -> int:
        ours, its = socket.socketpair()
        with ours:
            self._link = ours
            told = None
            while told != (wish := self._fleet.wish):  # it may change in between
                self.tell(wish)
                told = wish
            with its:
                self._process = process = subprocess.Popen(  # noqa: S603 - this very command over again
                    self._fleet.command(),
                    env=os.environ | {LINK: f"{its.fileno()}:{self.number}"},
                    pass_fds=[its.fileno()],
                    process_group=0,
                )
            if self._fleet.stopping.is_set():  # told to stop between the question and the start
                self.stop()
            said = b"".join(iter(lambda: ours.recv(65536), b""))
            code = process.wait()
            self._process = None  # the next one is to be told what this one may have been
        if said:
            self.reports.append(json.loads(said))
        return code if code in WORST_FIRST else int(ExitCode.FAILED)


def own_command() -> list[str]:
    """This process's command line, to start it again."""
    return [sys.executable, "-m", "consumer", *sys.argv[1:]]
