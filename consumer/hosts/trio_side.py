"""What a run of a worker has on trio's side: where handlers for trio run, and what can be awaited on both sides.

May know: trio, trio-asyncio, the port's publisher. May not know: the engine's insides, AMQP, who has opened the loop.

One thread, two kinds of tasks: trio's, and the asyncio ones of a loop that itself runs in a trio task. sniffio tells
which kind the running code is of.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import sniffio
import trio

from consumer.broker.port import Broker, Connection, Publisher
from consumer.core.delivery import Outgoing
from consumer.delivery import Draining
from consumer.engine.handler import Handler
from consumer.engine.waiting import outlive_cancellation
from consumer.errors import LastcallError, Requeue

T = TypeVar("T")
Ended = tuple[object, BaseException | None]
"""What a handler returned, or what it raised."""


class TrioSide:
    """Lends a run what it needs on this side. `on_interrupt` is told of a Ctrl+C that has struck a handler's task."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        nursery: trio.Nursery,
        on_interrupt: Callable[[KeyboardInterrupt], None],
    ) -> None:
        self._loop = loop
        self._nursery = nursery
        self._on_interrupt = on_interrupt
        self._scopes: set[trio.CancelScope] = set()
        self._waiting: set[trio.lowlevel.Task] = set()
        self._is_given_up = False
        self.draining: Draining = _EitherDraining()
        """One that both sides can await."""

    def broker(self, broker: Broker) -> Broker:
        """The same, with publishers that both sides can await."""
        return _EitherBroker(broker, self)

    def adapted(self, handler: Handler) -> Handler:
        """A handler for trio, as one that asyncio can call."""
        function = handler.function

        async def call(*payload: object, **named: object) -> object:
            return await self._run(partial(function, *payload, **named), handler.name)  # type: ignore[arg-type]

        return replace(handler, function=call)

    def give_up(self) -> None:
        """The loop has ended: cancel the handlers, as nobody else could, and wake whoever waits for its tasks."""
        self._is_given_up = True
        for scope in self._scopes:
            scope.cancel()
        for waiting in tuple(self._waiting):
            self._wake(waiting)

    async def either(self, start: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Await asyncio code from whichever side this is called on. A trio cancellation cancels it.

        Raises LastcallError in trio when the loop ends before it, or has ended.
        """
        if sniffio.current_async_library() == "asyncio":
            return await start()
        return await self._from_trio(start)

    async def _from_trio(self, start: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Not trio-asyncio's own way: the task may be an owned one, which only code in this context can cancel."""
        if self._is_given_up:
            await trio.lowlevel.checkpoint_if_cancelled()
            raise _loop_has_ended()
        context = copy_context()
        task = self._loop.create_task(start(), context=context.copy())
        waiting = trio.lowlevel.current_task()
        raise_cancel: trio.lowlevel.RaiseCancelT | None = None

        def abort(raising: trio.lowlevel.RaiseCancelT) -> trio.lowlevel.Abort:
            nonlocal raise_cancel
            raise_cancel = raising
            context.run(task.cancel)
            return trio.lowlevel.Abort.FAILED  # the task has yet to end, or the loop

        self._waiting.add(waiting)
        task.add_done_callback(lambda _: self._wake(waiting))
        await trio.lowlevel.wait_task_rescheduled(abort)
        if raise_cancel is not None and (task.cancelled() or not task.done()):
            raise_cancel()
        if not task.done():
            raise _loop_has_ended()
        return task.result()

    def _wake(self, waiting: trio.lowlevel.Task) -> None:
        """Once: what was given up may yet be done."""
        if waiting in self._waiting:
            self._waiting.remove(waiting)
            trio.lowlevel.reschedule(waiting)

    async def _run(self, call: Callable[[], Awaitable[object]], name: str) -> object:
        """Run it in the nursery, to its end. Cancelling the asyncio task that waits here cancels it, and waits on."""
        scope = trio.CancelScope(shield=True)
        ended: asyncio.Future[Ended | None] = self._loop.create_future()
        self._nursery.start_soon(self._live, call, scope, ended, name=name)
        cancelled = await outlive_cancellation(ended, scope.cancel)
        result = ended.result()
        if result is None:
            raise cancelled or asyncio.CancelledError
        value, error = result
        if error is not None:
            raise error
        return value

    @trio.lowlevel.enable_ki_protection
    async def _live(
        self, call: Callable[[], Awaitable[object]], scope: trio.CancelScope, ended: "asyncio.Future[Ended | None]"
    ) -> None:
        """What the nursery's tasks run: `ended` is done with what came of it; None: it was cancelled."""
        result: Ended | None = None
        self._scopes.add(scope)
        try:
            with scope:
                result = (await call(), None)
        except GeneratorExit:  # trio is gone
            raise
        except BaseException as error:  # noqa: BLE001 - a handler's error is its own, and ends nobody else
            result = (None, await self._spared(error))
        finally:
            self._scopes.discard(scope)
        ended.set_result(result)

    async def _spared(self, error: BaseException) -> BaseException:
        """Ctrl+C may strike a task that a handler has begun in a nursery of its own: that is no failure of its.

        Its message goes back when the drain has begun, so that nothing is started in its place.
        """
        interrupt = _interrupt_in(error)
        if interrupt is None:
            return error
        self._on_interrupt(interrupt)
        await self.draining
        return Requeue()


class _EitherDraining(Draining):
    def __init__(self) -> None:
        super().__init__()
        self._begun = trio.Event()

    def __await__(self) -> Generator[object, None, None]:
        if sniffio.current_async_library() == "asyncio":
            yield from super().__await__()
        else:
            yield from self._begun.wait().__await__()

    def begin(self) -> None:
        super().begin()
        self._begun.set()


class _EitherBroker:
    def __init__(self, broker: Broker, side: TrioSide) -> None:
        self._broker = broker
        self._side = side

    async def connect(self) -> Connection:
        return await self._broker.connect()

    def publisher(self) -> Publisher:
        return _EitherPublisher(self._broker.publisher(), self._side)


class _EitherPublisher:
    def __init__(self, publisher: Publisher, side: TrioSide) -> None:
        self._publisher = publisher
        self._side = side

    async def publish(self, outgoing: Outgoing) -> None:
        await self._side.either(lambda: self._publisher.publish(outgoing))

    async def publish_later(self, outgoing: Outgoing, seconds: float) -> None:
        await self._publisher.publish_later(outgoing, seconds)

    async def close(self) -> None:
        await self._publisher.close()


def _loop_has_ended() -> LastcallError:
    return LastcallError(
        "a SystemExit in a callback has ended the worker's asyncio loop: whether this was done is not known. Stop the "
        "worker by worker.stop(), or by leaving the scope of serve_trio()."
    )


def _interrupt_in(error: BaseException) -> KeyboardInterrupt | None:
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(_interrupt_in, error.exceptions)), None)
    return error if isinstance(error, KeyboardInterrupt) else None
