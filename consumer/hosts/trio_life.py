"""The life of a run in trio: a loop of asyncio's in somebody's `trio.run`, and beside it a nursery for handlers.

May know: trio, trio-asyncio, what is to be told to stop. May not know: the engine's insides, AMQP.

All of it lives in a shielded scope: a cancellation, or a KeyboardInterrupt, is a request to drain, and goes on when the
drain has ended. No signal handler is installed.
"""

import asyncio
import warnings
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

import outcome
import trio

from consumer.hosts.signals import Stoppable
from consumer.hosts.trio_side import TrioSide

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of what it takes from Python 3.12 and 3.13, at its import
    import trio_asyncio

T = TypeVar("T")
Live = Callable[[TrioSide], Coroutine[Any, Any, T]]


@trio.lowlevel.enable_ki_protection
async def serve(live: Live[T], told: Stoppable) -> T:
    """What `live`, asyncio code, returned; raises what it raised, or what came meanwhile and would have ended it."""
    _spare_asyncio_from_ctrl_c()
    life = _Life(live, told)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(life.run)
        await life.outlive()
    if life.interrupt is not None:
        raise life.interrupt
    await trio.lowlevel.checkpoint_if_cancelled()
    return life.result.unwrap()


class _Life(Generic[T]):
    def __init__(self, live: Live[T], told: Stoppable) -> None:
        self._live = live
        self._told = told
        self._ended = trio.Event()
        self.interrupt: BaseException | None = None
        self.result: outcome.Maybe[T]

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """Never raises: `result` is what came of it."""
        try:
            with trio.CancelScope(shield=True):
                await self._run()
        except BaseException as error:  # noqa: BLE001 - whatever has ended the loop, `serve` raises it
            self.result = outcome.Error(_alone(error))
        finally:
            self._ended.set()

    async def outlive(self) -> None:
        """Until it has ended. What would end others is a request to drain, and a second Ctrl+C one to hurry."""
        cancelled = False
        while not self._ended.is_set():
            try:
                with trio.CancelScope(shield=cancelled):
                    await self._ended.wait()
            except trio.Cancelled:
                cancelled = True
                self._told.stop("serve_trio() was cancelled")
            except KeyboardInterrupt as interrupt:
                self._interrupted(interrupt)

    async def _run(self) -> None:
        async with trio_asyncio.open_loop() as loop:
            loop.set_exception_handler(_log)
            async with trio.open_nursery() as nursery:
                side = TrioSide(loop, nursery, self._interrupted)
                try:
                    self.result = await _outcome_of(self._live(side), loop)
                except trio.Cancelled:
                    side.give_up()
                    _give_up(loop)
                    raise
            await _end_what_is_left(loop)
            await _close_generators(loop)

    def _interrupted(self, interrupt: KeyboardInterrupt) -> None:
        if self.interrupt is None:
            self.interrupt = interrupt
            self._told.stop("KeyboardInterrupt")
        else:
            self._told.stop_now("KeyboardInterrupt")


async def _outcome_of(work: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> outcome.Maybe[T]:
    """What came of it; or Cancelled, where a SystemExit in a callback of somebody's has ended the loop."""
    task = loop.create_task(work)
    await _ended(task)
    return outcome.capture(task.result)


async def _ended(task: "asyncio.Task[Any]") -> None:
    """Wait for it in trio, where no sweep of asyncio's tasks reaches who waits."""
    ended = trio.Event()
    task.add_done_callback(lambda _: ended.set())
    await ended.wait()


def _give_up(loop: asyncio.AbstractEventLoop) -> None:
    """The loop has ended, and nothing of it will: whoever waits for its tasks, as trio-asyncio does, waits for ever."""
    for task in asyncio.all_tasks(loop):
        asyncio._unregister_task(task)  # noqa: SLF001 - asyncio documents it, "Task lifetime support"


def _log(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """As asyncio does. trio-asyncio would end the loop for it, and with it all that is in flight."""
    asyncio.BaseEventLoop.default_exception_handler(loop, context)  # type: ignore[arg-type]  # trio-asyncio's is one


async def _end_what_is_left(loop: asyncio.AbstractEventLoop) -> None:
    """Of asyncio tasks, as `asyncio.run` does at its end."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    for task in left:
        await _ended(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            message = "a task that was left raised this when it was cancelled"
            loop.call_exception_handler({"message": message, "exception": error, "task": task})


async def _close_generators(loop: asyncio.AbstractEventLoop) -> None:
    """Asynchronous ones. trio-asyncio would do it in a task, and for ever wait for that if a sweep came before it."""
    closed = False
    while not closed:
        closing = loop.create_task(loop.shutdown_asyncgens())
        await _ended(closing)
        closed = not closing.cancelled()


def _alone(error: BaseException) -> BaseException:
    """Out of the groups in which nurseries have wrapped it; a SystemExit is what all else there came of."""
    while isinstance(error, BaseExceptionGroup):
        exits = error.subgroup(SystemExit)
        if exits is None and len(error.exceptions) > 1:
            break
        error = (exits or error).exceptions[0]
    return error


def _spare_asyncio_from_ctrl_c() -> None:
    """Trio raises KeyboardInterrupt in whatever code it strikes, unless that is marked: then the main task gets it.

    These two of trio-asyncio's, which are not, run all asyncio code: the engine's, the AMQP client's, handlers'.
    """
    for name in ("_main_loop", "_io_task"):
        if function := getattr(trio_asyncio.TrioEventLoop, name, None):
            trio.lowlevel.enable_ki_protection(function)
