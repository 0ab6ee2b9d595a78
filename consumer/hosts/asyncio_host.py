"""The plain host: a loop of our own on this thread, our signal handlers, and a way out that can't hang.

May know: asyncio, signals. May not know: the engine's insides, AMQP.

Not `asyncio.run`: at its end it waits for every task that is left, and a handler that ignores its
cancellation would hold the process for ever.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import current_thread, main_thread
from typing import Protocol

from consumer.engine.report import ExitCode, Report
from consumer.errors import ConfigurationError
from consumer.hosts.last_resort import LastResort
from consumer.hosts.loops import LoopKind, new_loop
from consumer.hosts.signals import Stoppable, StopSignals, installed

WINDING_UP = 0.1
"""Seconds that each kind of left-over gets at the end."""


class Hosted(Stoppable, Protocol):
    """What a host runs."""

    @property
    def loop_kind(self) -> LoopKind:
        """On which event loop it is to run."""

    @property
    def drain_timeout(self) -> float:
        """Seconds."""

    @property
    def stop_signals(self) -> tuple[int, ...]:
        """The numbers of the signals that drain, beside SIGTERM and SIGINT."""

    @property
    def report(self) -> Report | None:
        """How the last run ended."""

    async def serve(self) -> Report:
        """Live until stopped, drained."""

    def failed(self, error: BaseException) -> None:
        """Tell the user why it could not start, or could not go on."""


def run(hosted: Hosted) -> int:
    """Run it to its end; the process's exit code. Owns the signals meanwhile (hosts/signals.py).

    Raises ConfigurationError in a thread other than the main one.
    """
    if current_thread() is not main_thread():
        raise ConfigurationError(
            "worker.run() owns the signals, and those belong to the main thread: call it there. In a thread, "
            "`asyncio.run(worker.serve())` runs the worker, and `worker.stop()`, called from anywhere, drains it."
        )
    before = installed()
    signals = before or StopSignals().install()
    code = int(ExitCode.FAILED)
    signals.also(hosted.stop_signals)
    last_resort = LastResort(hosted.drain_timeout, int(ExitCode.ORPHANS), signals)
    signals.attach(hosted, last_resort.arm)
    try:
        code = _run(hosted, last_resort)
    finally:
        signals.detach(code)
        if before is not None:
            last_resort.outlast(code)  # the process is ours and ends now: nor may a left-over thread hold it
        else:
            last_resort.dismiss()
            signals.restore()
    return code


def _run(hosted: Hosted, last_resort: LastResort) -> int:
    try:
        loop = new_loop(hosted.loop_kind)
    except ConfigurationError as error:
        hosted.failed(error)
        return int(ExitCode.USAGE)
    executor = ThreadPoolExecutor(thread_name_prefix="asyncio")
    try:
        asyncio.set_event_loop(loop)
        loop.set_default_executor(executor)
        loop.call_soon(last_resort.listen, partial(loop.call_soon_threadsafe, _nothing))
        return int(loop.run_until_complete(hosted.serve()).exit_code)
    except ConfigurationError as error:
        hosted.failed(error)
        return int(ExitCode.USAGE)
    except asyncio.CancelledError as error:
        return _cancelled(hosted, error)
    except Exception as error:  # noqa: BLE001 - a lifespan's, say: told, and a code
        hosted.failed(error)
        return int(ExitCode.FAILED)
    finally:
        _wind_up(loop)
        last_resort.listen(None)
        executor.shutdown(wait=False, cancel_futures=True)


def _cancelled(hosted: Hosted, error: asyncio.CancelledError) -> int:
    """Whoever has cancelled every task of the loop has asked for the drain, which has been."""
    report = hosted.report
    if report is None or report.error is not None:
        hosted.failed(error if report is None or report.error is None else report.error)
    return int(ExitCode.FAILED if report is None else report.exit_code)


def _nothing() -> None:
    """Called on a loop, this makes it take a turn."""


def _wind_up(loop: asyncio.AbstractEventLoop) -> None:
    """Let go of what is left on the loop, each within a bound."""
    loop.set_exception_handler(lambda _loop, _context: None)  # what is given up here has been named already
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=WINDING_UP))
    loop.run_until_complete(asyncio.wait({loop.create_task(loop.shutdown_asyncgens())}, timeout=WINDING_UP))
    asyncio.set_event_loop(None)
    loop.close()
