"""One child process, seen from the worker: started, asked, ended.

May know: subprocess, signals (the children's), the link. May not know: deliveries, how many children there are.

A session of its own keeps it out of whatever is sent to the worker's process group (a terminal's Ctrl+C, Ctrl+Z, a
hangup); the signals that it ignores are blocked from its first moment, so that none can strike before it ignores them.
"""

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from signal import Signals
from threading import Thread

from consumer.engine.processes.child import QUIET
from consumer.engine.processes.crossing import DRAINING, HEADER, framed
from consumer.errors import HandlerProcessDied

GRACE = 0.2
"""Seconds between the end of its link and SIGKILL: less than cancelled handlers get in a drain (LETTING_GO)."""
LAST_ANSWER = 0.1
"""Seconds that its link may outlast it."""
_HOME = str(Path(__file__).parents[3])


class NeverBegun(Exception):  # noqa: N818 - named for what happened
    """It has ended before it called the handler."""


class Process:
    """`ended` is done, with how, once there is no process any more (or never was), and no link. Made on the loop."""

    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter

    def __init__(self, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._popen: subprocess.Popen[bytes] | None = None
        self._ours, its = socket.socketpair()
        self._hang_up: Callable[[], None] = self._ours.close
        self._is_silent: Callable[[], bool] = lambda: False
        self.ended: asyncio.Future[str] = self._loop.create_future()
        Thread(target=self._live, args=(its, name), name=f"{name} process", daemon=True).start()

    @property
    def pid(self) -> int | None:
        """None before it is there."""
        return None if self._popen is None else self._popen.pid

    async def begin(self, program: bytes) -> bytes:
        """Its answer to what it is to run, once it has made it ready. Raises HandlerProcessDied."""
        self._reader, self._writer = await asyncio.open_unix_connection(sock=self._ours)
        self._hang_up = self._writer.transport.abort
        self._is_silent = lambda: self._writer.is_closing() or self._reader.at_eof()
        return await self._ask(program)

    async def run(self, call: bytes) -> bytes:
        """Its answer. One at a time; a wait that is cancelled leaves it unfit for anything but `stop`.

        Raises NeverBegun or HandlerProcessDied when it ends instead, before and after it has called the handler.
        """
        try:
            await self._ask(call)
        except HandlerProcessDied as death:
            raise NeverBegun(str(death)) from None
        return await self._hear()

    async def _ask(self, request: bytes) -> bytes:
        with suppress(OSError):  # whoever listens next hears that
            self._writer.write(framed(request))
            await self._writer.drain()
        return await self._hear()

    async def _hear(self) -> bytes:
        try:
            (size,) = HEADER.unpack(await self._reader.readexactly(HEADER.size))
            return await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, OSError):
            self.stop()  # its end of the link is closed: it has ended, or can't be talked to any more
            await self.gone()
        raise HandlerProcessDied(f"its process (pid {self.pid}) has ended: {self.ended.result()}")

    def tell_draining(self) -> None:
        """The worker drains."""
        self._writer.write(framed(DRAINING))

    def stop(self) -> None:
        """End the link, which interrupts what it runs; it is killed if it is still there after GRACE."""
        self._hang_up()
        self._loop.call_later(GRACE, self.kill)

    def leave(self) -> None:
        """End the link, and let it end in its own time."""
        self._hang_up()

    def kill(self) -> None:
        """SIGKILL, if it is still there."""
        if self._popen is not None and not self.ended.done():
            self._popen.kill()

    async def gone(self) -> None:
        """Until it has ended."""
        await asyncio.wait({self.ended})

    def _live(self, its: socket.socket, name: str) -> None:
        """In a thread of its own, from before its start until it is reaped."""
        with its:
            signal.pthread_sigmask(signal.SIG_BLOCK, QUIET)  # this thread's, and so the child's
            try:
                self._popen = popen = _started(its.fileno(), name)
            except Exception as error:  # noqa: BLE001 - whatever it is, somebody waits for its end
                self._tell(f"it could not be started ({error})")
                return
        code = popen.wait()
        self._tell(_signal_name(-code) if code < 0 else f"exit code {code}")

    def _tell(self, how: str) -> None:
        with suppress(RuntimeError):  # the loop is closed: the worker has left without it
            self._loop.call_soon_threadsafe(self._reaped, how)

    def _reaped(self, how: str) -> None:
        """What it said last is heard first. Not for ever: a process that it forked may hold the link open."""
        if self._is_silent():
            self._over(how)
        else:
            self._loop.call_later(LAST_ANSWER, self._over, how)

    def _over(self, how: str) -> None:
        self._hang_up()
        self.ended.set_result(how)


def _started(link: int, name: str) -> "subprocess.Popen[bytes]":
    code = f"import sys; sys.path.append({_HOME!r}); from consumer.engine.processes.child import main; main({link})"
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", code, name], stdin=subprocess.DEVNULL, pass_fds=[link], start_new_session=True
    )


def _signal_name(number: int) -> str:
    name = Signals(number).name if number in set(Signals) else f"signal {number}"
    return f"{name} (out of memory?)" if number == signal.SIGKILL else name
