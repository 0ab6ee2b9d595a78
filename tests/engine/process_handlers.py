"""Handlers for processes: each visits the test over a socket, and does there what the test tells it to.

May know: what a user of the package knows. May not know: the package's insides, the tests.
"""

import functools
import logging
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, field_validator

from consumer import Delivery, Park, Requeue, Retry

IMPORTED_IN = os.getpid()


class Order(BaseModel):
    cents: int

    @field_validator("cents")
    @classmethod
    def keep_quiet(cls, cents: int) -> int:
        if cents < 0:
            raise OSError("a validator that fails")
        return cents


@dataclass
class Note:
    text: str


class GatewayError(Exception):
    """Takes other arguments than it keeps, as many do."""

    def __init__(self, code: int, *, where: str) -> None:
        super().__init__(f"{where} said {code}")
        self.code = code
        self.lock = open(os.devnull)  # noqa: SIM115, PTH123 - something that no other process can have


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError

    def __reduce__(self) -> str:
        raise RuntimeError


class Visit:
    """One run of a handler, at the test's."""

    def __init__(self, name: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", int(os.environ["MEETING"])))
        self._lines = self._socket.makefile("rw")
        self.say(f"{name} {os.getpid()}")

    def say(self, text: object) -> None:
        self._lines.write(f"{text}\n")
        self._lines.flush()

    def told(self) -> str:
        return self._lines.readline().strip()


def visit(body: bytes, delivery: Delivery) -> None:
    """The test says line by line what is to be done; the end of the visit is the handler's."""
    guest = Visit(str(delivery.message_id))
    while (wish := guest.told()) and wish != "return":
        guest.say(WISHES[wish](body, delivery))


def order(payload: Order) -> None:
    Visit(str(payload.cents)).told()


def note(payload: Note, note_of: Delivery) -> None:
    Visit(f"{payload.text}/{note_of.message_id}").told()


def greet(greeting: str, payload: str) -> None:
    Visit(f"{greeting}-{payload}").told()


hello = functools.partial(greet, "hello")


def fail(error: Callable[[], BaseException]) -> Callable[[bytes, Delivery], object]:
    def wish(_body: bytes, _delivery: Delivery) -> object:
        raise error()

    return wish


def swallow_the_interruption(_body: bytes, _delivery: Delivery) -> object:
    while True:
        with suppress(BaseException):
            time.sleep(60)


def clean_up_when_interrupted(body: bytes, _delivery: Delivery) -> object:
    try:
        time.sleep(60)
    finally:
        Path(body.decode()).write_text("cleaned up")
    return None


def kill_itself(_body: bytes, _delivery: Delivery) -> object:
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def send_itself_signals(_body: bytes, _delivery: Delivery) -> object:
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP):
        os.kill(os.getpid(), each)
    return "still here"


def fork_and_die(_body: bytes, _delivery: Delivery) -> object:
    """What it forked lives on, and holds all that was open."""
    if os.fork() == 0:
        Visit("grandchild").told()
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def signal_dispositions(_body: bytes, _delivery: Delivery) -> object:
    """What a process that the handler forks makes of SIGTERM."""
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, str(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL).encode())
        os._exit(0)
    os.wait()
    return os.read(read, 100).decode()


WISHES: dict[str, Callable[[bytes, Delivery], object]] = {
    "delivery": lambda _, d: f"{d.message_id} {d.body!r} {d.headers} {d.redelivered} {d.attempt} {d.queue} {d.claim}",
    "draining": lambda _, d: bool(d.draining),
    "publish": lambda _, d: d.publish(b"", routing_key="elsewhere"),
    "size": lambda body, _: len(body),
    "log level": lambda _, _d: logging.getLogger("lastcall").getEffectiveLevel(),
    "imported here": lambda _, _d: os.getpid() == IMPORTED_IN,
    "group of its own": lambda _, _d: os.getpgid(0) == os.getsid(0) == os.getpid(),
    "descriptors": lambda _, _d: sum(1 for each in Path("/proc/self/fd").iterdir() if _is_open(each)),
    "signals": send_itself_signals,
    "fork": signal_dispositions,
    "fork and die": fork_and_die,
    "exit 7": lambda _, _d: os._exit(7),
    "kill": kill_itself,
    "swallow": swallow_the_interruption,
    "clean up": clean_up_when_interrupted,
    "sys.exit": lambda _, _d: sys.exit(3),
    "retry": fail(lambda: Retry(after=90, reason="not yet")),
    "retry by policy": fail(Retry),
    "requeue": fail(Requeue),
    "park": fail(lambda: Park("not for us")),
    "key error": fail(lambda: KeyError("colour")),
    "gateway error": fail(lambda: GatewayError(503, where="the gateway")),
    "unspeakable": fail(UnspeakableError),
    "nameless": fail(lambda: type("NamelessError", (Exception,), {})("who?")),
    "generator exit": fail(GeneratorExit),
}


def _is_open(descriptor: Path) -> bool:
    try:
        return bool(descriptor.readlink())
    except OSError:
        return False


def decorated(function: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(function)
    def wrapper(*args: object, **kwargs: object) -> object:
        return function(*args, **kwargs)

    return wrapper


def hidden(_body: bytes) -> None: ...


seen_by_the_worker = hidden
hidden = decorated(hidden)  # type: ignore[assignment]


def cramped(body: bytes) -> None:
    """From a small body on, its process has no room for a large one."""
    if len(body) < 100:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        room = pages * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (room, room))
