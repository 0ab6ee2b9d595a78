"""When a failed message is tried again, and after how long: a policy, as data.

May know: exceptions. May not know: who waits, clocks, random numbers (a chance from 0 to 1 is given).
"""

from dataclasses import dataclass

from consumer.errors import LONGEST_RETRY, ConfigurationError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, after how long and for which exceptions a handler is tried again.

    The wait before attempt n+1 is `first_wait * factor ** (n - 1)`, at most `longest_wait`, less a random part of
    up to `jitter` of it. A wait of up to `in_place` seconds keeps its slot (and ends early when the drain begins);
    a longer one is spent in the broker: a confirmed copy that comes back when it is due, then the ack.

    Args:
        attempts: starts of the handler in all, the first included, counted across workers and both ways to wait.
        first_wait: seconds before the second attempt.
        factor: by how much each wait is longer than the one before.
        longest_wait: seconds that a wait is at most.
        jitter: which part of a wait is left to chance, from 0 to 1.
        in_place: seconds up to which a wait is waited in place.
        on: exception types that are tried again; any other parks the message at once.

    Raises ConfigurationError when a number is out of range.
    """

    attempts: int = 5
    first_wait: float = 1.0
    factor: float = 2.0
    longest_wait: float = 300.0
    jitter: float = 0.1
    in_place: float = 1.0
    on: tuple[type[BaseException], ...] = (Exception,)

    def __post_init__(self) -> None:
        """Refuse what can't be meant."""
        bounds = {
            "attempts": (self.attempts, 1, 10_000),
            "first_wait": (self.first_wait, 0, LONGEST_RETRY),
            "factor": (self.factor, 1, 1_000),
            "longest_wait": (self.longest_wait, 0, LONGEST_RETRY),
            "jitter": (self.jitter, 0, 1),
            "in_place": (self.in_place, 0, 3_600),
        }
        for word, (value, least, most) in bounds.items():
            if not least <= value <= most:
                raise ConfigurationError(f"RetryPolicy({word}={value!r}): it takes {least} to {most}")

    def covers(self, error: BaseException) -> bool:
        """Whether this kind of failure is tried again at all."""
        return isinstance(error, self.on)

    def wait(self, attempt: int, chance: float) -> float:
        """Seconds to wait after this attempt failed; `chance` is from 0 to 1."""
        growth = self.factor ** min(attempt - 1, 64)  # far beyond any longest_wait, and still a float
        return min(self.first_wait * growth, self.longest_wait) * (1 - self.jitter * chance)
