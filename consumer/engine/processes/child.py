"""What runs in a child: one handler, called for one message after the other, until the link to the parent ends.

May know: the link, signals, the handler's signature. May not know: the loop, brokers, the pool.

A stop signal is the parent's business: here it does nothing, whoever sends it. The end of the link is what stops a
child, be it that the parent wants it to end or that it is gone: what runs is interrupted by a SystemExit.
"""

import os
import pickle
import signal
import socket
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from types import FrameType
from typing import NoReturn

from consumer.core.delivery import Outgoing
from consumer.delivery import Delivery, Draining
from consumer.engine.processes.crossing import BEGUN, DONE, DRAINING, HEADER, Call, Program, framed
from consumer.engine.processes.failures import failure_of
from consumer.engine.processes.naming import imported
from consumer.errors import LastcallError
from consumer.payload import CallPlan, read_signature

QUIET = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGTSTP") if hasattr(signal, name)
)
"""They do nothing in a child. Its parent starts it with these blocked: from its first moment on."""
CLEANING_UP = 1.0
"""Seconds that are left to `finally` and `atexit` once the link has ended, if the parent doesn't kill it sooner."""
INTERRUPTED = 1
"""The exit code of a child that took longer."""


class Ending:
    """Knows when the link has ended; `interrupt` is how its reader, a thread, tells the main one."""

    def __init__(self) -> None:
        self.asked = False
        self._raised = False

    def take_over(self) -> None:
        """From here on the signals do nothing; what the handler forks has them as any process does."""
        for number in QUIET:
            signal.signal(number, self._on_signal)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, QUIET)
        os.register_at_fork(after_in_child=_give_back)

    def interrupt(self) -> None:
        """Raise SystemExit on the main thread, and end the process if that takes too long."""
        self.asked = True
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)  # interrupts a system call, too
        time.sleep(CLEANING_UP)
        os._exit(INTERRUPTED)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked and not self._raised:
            self._raised = True
            raise SystemExit


def main(descriptor: int) -> None:
    """Run what comes over the link (a socket) to its end."""
    ending = Ending()
    ending.take_over()
    link = socket.socket(fileno=descriptor)
    link.set_inheritable(False)
    link.setblocking(True)  # it is not, where the worker's program has set a default timeout
    calls: SimpleQueue[bytes] = SimpleQueue()
    draining = Draining()
    threading.Thread(target=_listen, args=(link, calls, draining, ending), name="lastcall link", daemon=True).start()
    try:
        _serve(link, calls, draining, ending)
    except OSError as error:  # the link: it has ended, and the reader knows
        raise SystemExit from error


def _serve(link: socket.socket, calls: SimpleQueue[bytes], draining: Draining, ending: Ending) -> None:
    try:
        function, plan = _made(pickle.loads(calls.get()))  # noqa: S301 - from the parent
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is told at the worker's start
        _answer(link, ending, error)
        return
    _answer(link, ending)
    while True:
        request = calls.get()
        link.sendall(framed(BEGUN))
        try:
            _run(function, plan, pickle.loads(request), draining)  # noqa: S301 - from the parent
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the outcome of the message
            _answer(link, ending, error)
        else:
            _answer(link, ending)


def _answer(link: socket.socket, ending: Ending, error: BaseException | None = None) -> None:
    if ending.asked:  # it may be our own SystemExit
        raise SystemExit from None
    link.sendall(framed(DONE if error is None else pickle.dumps(failure_of(error, __file__))))


def _made(program: Program) -> tuple[Callable[..., object], CallPlan]:
    function = imported(program)
    return function, read_signature(function, Delivery)


def _run(function: Callable[..., object], plan: CallPlan, call: Call, draining: Draining) -> None:
    payload = (plan.decode(call.message.body, call.message),) if plan.takes_payload else ()
    if plan.delivery_parameter is None:
        function(*payload)
    else:
        delivery = _Here(call.message, call.attempt, draining, _Nowhere(), call.claim)
        function(*payload, **{plan.delivery_parameter: delivery})


def _listen(link: socket.socket, calls: SimpleQueue[bytes], draining: Draining, ending: Ending) -> None:
    stream = link.makefile("rb")
    try:
        while len(header := stream.read(HEADER.size)) == HEADER.size:
            (size,) = HEADER.unpack(header)
            payload = stream.read(size)
            if len(payload) < size:
                break
            if payload == DRAINING:
                draining.begin()
            else:
                calls.put(payload)
    except OSError:  # reset: the parent has gone without reading an answer
        pass
    finally:  # whatever ended it (no memory for a body, say): nobody hears the parent any more
        ending.interrupt()


def _give_back() -> None:
    for number in QUIET:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


class _Here(Delivery):
    """The delivery as a handler in a process sees it: all but its `publish`, which needs the worker's connection."""

    __slots__ = ()

    def publish(self, body: bytes, **_: object) -> NoReturn:  # not a coroutine: that one would never be awaited
        _refuse()


class _Nowhere:
    async def publish(self, outgoing: Outgoing) -> None:
        _refuse()

    async def publish_later(self, outgoing: Outgoing, seconds: float) -> None:
        _refuse()

    async def close(self) -> None:
        """Nothing was opened."""


def _refuse() -> NoReturn:
    raise LastcallError(
        "delivery.publish() does not work in a process: the connection is the worker's. Publish with a client that the "
        "handler opens, or make the handler `async def`, publish there, and give its heavy part to a process pool."
    )
