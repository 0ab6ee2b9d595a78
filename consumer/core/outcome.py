"""What came of a delivery, as data, and the small total function that decides it from how a handler ended.

May know: the exceptions that a handler may raise on purpose. May not know: frames, queues, tasks.
"""

from dataclasses import dataclass
from typing import TypeAlias

from consumer.errors import Park, Requeue, Undecodable


@dataclass(frozen=True, slots=True)
class Completed:
    """The handler returned: ack."""

    name = "completed"


@dataclass(frozen=True, slots=True)
class Returned:
    """Back to its queue: nack with requeue."""

    reason: str
    name = "returned"


@dataclass(frozen=True, slots=True)
class Parked:
    """Set aside in the parking queue with its reason, by confirmed publish; then ack."""

    reason: str
    error: BaseException | None = None
    name = "parked"


Outcome: TypeAlias = Completed | Returned | Parked


def outcome_of(error: BaseException | None) -> Outcome:
    """What is to be done after a handler ended with `error` (None: it returned)."""
    match error:
        case None:
            return Completed()
        case Requeue():
            return Returned("asked for by the handler")
        case Park():
            return Parked(error.reason)
        case Undecodable():
            return Parked(str(error))
        case _:
            return Parked(told(error), error)


def told(error: BaseException) -> str:
    """The exception in one line, even if its own `__str__` fails."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - whatever the user's class does
        return type(error).__name__
