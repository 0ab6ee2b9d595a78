"""How an exception gets from one process to another with its type, its arguments and its traceback.

May know: exceptions, pickling. May not know: who raised it, what is made of it.
"""

import pickle
import traceback
from dataclasses import dataclass

from consumer.core.outcome import told
from consumer.errors import RemoteError


class RemoteTraceback(Exception):  # noqa: N818 - it shows itself as what it is, in the place of a traceback
    """The cause of an exception that came from another process: its traceback over there, as text."""

    def __str__(self) -> str:
        return f"\n{str(self.args[0]).rstrip()}"


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception that leaves its process. `pickled` is empty where it can't be; `text` is it in one line."""

    pickled: bytes
    text: str
    trace: str

    def error(self) -> BaseException:
        """The exception as it was raised over there; a RemoteError where it can't be had here."""
        error = _unpickled(self.pickled) or RemoteError(self.text)
        error.__cause__ = RemoteTraceback(self.trace)
        return error


def failure_of(error: BaseException, called_from: str) -> Failure:
    """What is sent of it; its traceback begins behind the file that has called the user's code."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == called_from:
        trace = trace.tb_next
    try:
        text = "".join(traceback.format_exception(type(error), error, trace))
    except Exception:  # noqa: BLE001 - an exception whose own __str__ fails
        text = "".join(traceback.format_tb(trace))
    return Failure(_pickled(error), told(error), text)


def _pickled(error: BaseException) -> bytes:
    """Its own way of pickling where that gives it back as it was, else its type, arguments and attributes."""
    if isinstance(error, GeneratorExit):  # over here it would mean that the loop is gone
        return b""
    for form in (error, _Parts.of(error)):
        pickled = _dumped(form)
        copy = _unpickled(pickled)
        if type(copy) is type(error) and told(copy) == told(error):
            return pickled
    return b""


def _dumped(form: object) -> bytes:
    try:
        return pickle.dumps(form)
    except Exception:  # noqa: BLE001 - whatever its class does
        return b""


def _unpickled(pickled: bytes) -> BaseException | None:
    try:
        form = pickle.loads(pickled)  # noqa: S301 - from a process of our own
        error = form.whole() if isinstance(form, _Parts) else form
    except Exception:  # noqa: BLE001 - its class can't be found here, or does not let itself be made
        return None
    return error if isinstance(error, BaseException) else None


@dataclass(frozen=True, slots=True)
class _Parts:
    """For exceptions that take other arguments than they keep, `Retry(after=90)` for one: made without __init__."""

    kind: type[BaseException]
    args: tuple[object, ...]
    attributes: dict[str, object]

    @classmethod
    def of(cls, error: BaseException) -> "_Parts":
        attributes = {name: value for name, value in vars(error).items() if _can_be_pickled(value)}
        return cls(type(error), error.args, attributes)

    def whole(self) -> BaseException:
        error = self.kind.__new__(self.kind, *self.args)
        error.args = self.args
        vars(error).update(self.attributes)
        return error


def _can_be_pickled(value: object) -> bool:
    try:
        pickle.loads(_dumped(value))  # noqa: S301 - it has just been made
    except Exception:  # noqa: BLE001 - whatever its class does
        return False
    return True
