"""Plain handlers with `executor="process"` run here: a bounded pool of children, each with one call at a time.

May know: children, what they are asked and answer. May not know: leases, settlements, the drain.

Not concurrent.futures: when one of its processes dies, all that runs in the others fails with it. Here a child's
death is the failure of the one message that it ran, and the next one gets a new child.
"""

import asyncio
import pickle
from contextvars import copy_context

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)

from consumer.core.delivery import Message
from consumer.core.events import Event, Observer
from consumer.delivery import Delivery, Draining
from consumer.engine.processes.crossing import DONE, Call, Program
from consumer.engine.processes.failures import Failure
from consumer.engine.processes.process import NeverBegun, Process
from consumer.errors import ConfigurationError, HandlerProcessDied


class Processes:
    """At most `size` children, started as they are needed. The caller bounds how much runs at once."""

    def __init__(self, size: int, name: str, program: Program) -> None:
        self._size = size
        self._name = name
        self._program = pickle.dumps(program)
        self._usable: set[Process] = set()
        self._living: set[Process] = set()
        self._idle: asyncio.LifoQueue[Process] = asyncio.LifoQueue()
        self._starting: set[asyncio.Task[None]] = set()
        self._watching: asyncio.Task[None] | None = None
        self._closed = False

    async def open(self, draining: Draining, observe: Observer) -> None:
        """Start the first child, which shows that the handler can be run there.

        Raises:
            ConfigurationError: Its module can't be imported over there; with the traceback.
            HandlerProcessDied: The child has ended meanwhile.
        """
        self._context = copy_context()
        self._draining, self._observe = draining, observe
        self._watching = asyncio.create_task(self._tell_draining())
        await self._start()

    async def run(self, message: Message, delivery: Delivery | None) -> None:
        """Until the handler has returned; raises what it raised, or HandlerProcessDied.

        A cancellation stops the child, and is over when that has ended. Children that have ended before they called
        the handler are not held against the message, unless they are more than can have been idle.
        """
        never_begun = retry_if_exception_type(NeverBegun)
        trying = AsyncRetrying(retry=never_begun, stop=stop_after_attempt(self._size + 1), reraise=True)
        try:
            answer: bytes = await trying(self._answer, pickle.dumps(_call(message, delivery)))
        except NeverBegun as error:
            raise HandlerProcessDied(f"{error}, and {self._size} before it, none of which called the handler") from None
        if answer != DONE:
            failure: Failure = pickle.loads(answer)  # noqa: S301 - from a child of ours
            raise failure.error()

    async def _answer(self, request: bytes) -> bytes:
        process = await self._free_one()
        try:
            answer = await process.run(request)
        except asyncio.CancelledError:
            self._usable.discard(process)
            process.stop()
            await process.gone()
            raise
        self._idle.put_nowait(process)
        return answer

    async def close(self) -> None:
        """End all children: in their own time, and by SIGKILL when this is cancelled."""
        self._closed = True
        for task in {*self._starting, *({self._watching} if self._watching is not None else ())}:
            task.cancel()
        self._usable.clear()
        for process in self._living:
            process.leave()
        try:
            while self._living:
                await asyncio.wait({process.ended for process in self._living})
        finally:
            for process in self._living:
                process.kill()

    async def _free_one(self) -> Process:
        while True:
            if self._closed:
                raise HandlerProcessDied("the worker has ended its processes")
            if self._idle.empty() and len(self._usable) + len(self._starting) < self._size:
                starting = asyncio.create_task(self._start_in_the_end(), context=self._context)
                self._starting.add(starting)
                starting.add_done_callback(self._starting.discard)
            process = await self._idle.get()
            if process in self._usable:  # else it has ended while it was idle
                return process

    async def _start_in_the_end(self) -> None:
        """That there can be no child this moment is not the fault of the message that waits for one."""
        starting = AsyncRetrying(
            retry=retry_if_exception_type(Exception),
            wait=wait_exponential(multiplier=0.2, max=5) + wait_random(0, 0.2),
            before_sleep=self._tell_failed,
        )
        await starting(self._start)

    async def _start(self) -> None:
        process = Process(self._name)
        self._living.add(process)
        process.ended.add_done_callback(lambda _: self._has_ended(process))
        try:
            answer = await process.begin(self._program)
        except BaseException:
            process.stop()
            raise
        if answer != DONE:
            process.stop()
            failure: Failure = pickle.loads(answer)  # noqa: S301 - from a child of ours
            raise ConfigurationError(f"{self._name} can't run in a process of its own: {failure.text}\n{failure.trace}")
        if process.ended.done():  # that was its last word
            raise HandlerProcessDied(f"a process has ended as soon as it was there: {process.ended.result()}")
        if self._draining:
            process.tell_draining()
        self._usable.add(process)
        self._idle.put_nowait(process)

    def _has_ended(self, process: Process) -> None:
        self._living.discard(process)
        if process in self._usable:  # nobody has stopped it
            self._usable.discard(process)
            self._observe(Event("process_died", data={"handler": self._name, "how": process.ended.result()}))

    async def _tell_draining(self) -> None:
        await self._draining
        for process in self._usable:
            process.tell_draining()

    def _tell_failed(self, state: RetryCallState) -> None:
        if state.outcome is not None and state.next_action is not None:
            error, wait = str(state.outcome.exception()), round(state.next_action.sleep, 3)
            self._observe(Event("process_start_failed", data={"handler": self._name, "error": error, "wait": wait}))


def _call(message: Message, delivery: Delivery | None) -> Call:
    """What is sent to another process: with all properties, which may not have been read yet."""
    if delivery is None:
        return Call(message.replaced(), message.attempt, None)
    return Call(message.replaced(), delivery.attempt, delivery.claim)
