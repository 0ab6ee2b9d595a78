"""What came of a delivery, as data, and the small total function that decides it from how a handler ended.

May know: the exceptions that a handler may raise on purpose, retry policies. May not know: frames, queues, tasks.
"""

from dataclasses import dataclass
from typing import TypeAlias

from consumer.core.retry import RetryPolicy
from consumer.errors import ClaimLost, Park, Requeue, Retry, Undecodable

ASKED_FOR = 100
"""Attempts up to which `Retry` from a handler is followed, whatever the policy says: a message that never gives up
would be nobody's. A policy with more attempts raises it."""


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
class Again:
    """To be tried again after so many seconds. `attempt` is the one that is to come.

    `by_policy`: the time follows from the policy, so that a queue with delays of its own may choose another.
    """

    attempt: int
    seconds: float
    reason: str
    by_policy: bool = True
    name = "retry"


@dataclass(frozen=True, slots=True)
class Parked:
    """Set aside in the parking queue with its reason, by confirmed publish; then ack."""

    reason: str
    error: BaseException | None = None
    name = "parked"


@dataclass(frozen=True, slots=True)
class Copied:
    """A confirmed copy has taken its place, in the parking queue or for another attempt: ack. `name` is what it was."""

    name: str


COMPLETED = Completed()
"""There is nothing more to say of one, so there is only one."""

Outcome: TypeAlias = Completed | Returned | Again | Parked | Copied


def outcome_of(error: BaseException | None, policy: RetryPolicy, attempt: int, chance: float) -> Outcome:
    """What is to be done after the handler's attempt (counted from 1) ended with `error` (None: it returned).

    `chance`, from 0 to 1, is what a wait's random part is made of.
    """
    match error:
        case None:
            return COMPLETED
        case Requeue() | ClaimLost():  # a claim that was taken over: another worker runs it, or has completed it
            return Returned("asked for by the handler" if isinstance(error, Requeue) else told(error))
        case Park() | Undecodable():
            return Parked(error.reason if isinstance(error, Park) else str(error))
        case Retry() if attempt < most_attempts(policy):
            by_policy = error.after is None
            wait = policy.wait(attempt, chance) if error.after is None else error.after
            return Again(attempt + 1, wait, told(error), by_policy)
        case _ if policy.covers(error) and attempt < policy.attempts:
            return Again(attempt + 1, policy.wait(attempt, chance), told(error))
        case _:
            return Parked(told(error), error)


def most_attempts(policy: RetryPolicy) -> int:
    """Up to which attempt a handler can have its message tried again."""
    return max(policy.attempts, ASKED_FOR)


def told(error: BaseException) -> str:
    """The exception in one line, even if its own `__str__` fails."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - whatever the user's class does
        return type(error).__name__
