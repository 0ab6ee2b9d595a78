"""The errors of the package, and the two signals that a handler raises to say where its message goes.

May know: nothing but itself. May not know: anything of the package (everything may import this file).
"""

# ruff: noqa: N818 - `raise Park(...)` and `BrokerAway` read as what they are; "Error" would add a word, not a meaning

LONGEST_RETRY = 2**21
"""Seconds (about 24 days) that a message can wait in the broker for its next attempt."""


class LastcallError(Exception):
    """Whatever this package raises on its own account; its text names the cause and the mend."""


class ConfigurationError(LastcallError):
    """A setting, a handler's signature or the command line is wrong. Exit code 2."""


class BrokerRefused(LastcallError):
    """The broker or a queue says no, and asking again can't help (wrong password, no vhost). Exit code 1."""


class BrokerAway(LastcallError):
    """The broker couldn't be reached within the time that the settings allow. Exit code 1."""


class PublishFailed(LastcallError):
    """A message was not confirmed by the broker, or could not be routed to any queue.

    `permanent`: the message itself can't be published, however often it is tried.
    """

    def __init__(self, text: str, *, permanent: bool = False) -> None:
        super().__init__(text)
        self.permanent = permanent


class InboxAway(LastcallError):
    """An inbox's store couldn't be reached, or didn't answer in time: whether it did what was asked is not known."""


class ClaimLost(LastcallError):
    """The claim on a message expired and somebody else has taken it over: what was done under it must not stand."""


class Undecodable(LastcallError):
    """A message's payload can't be made into what its handler takes; the text is the parking reason."""


class Requeue(Exception):
    """Raised by a handler: hand the message back to its queue, at once."""


class Retry(Exception):
    """Raised by a handler: try the message again later; counted as an attempt.

    Args:
        after: seconds to wait at least; None: as the handler's retry policy says. Up to about 24 days.
        reason: what events, logs and in the end the parking queue say of it.
    """

    def __init__(self, after: float | None = None, reason: str = "") -> None:
        if after is not None and not 0 <= after <= LONGEST_RETRY:
            raise ConfigurationError(f"Retry(after={after!r}): it takes 0 to {LONGEST_RETRY} seconds")
        super().__init__(reason or ("later" if after is None else f"after {after:g} s"))
        self.after = after


class HandlerTimeout(TimeoutError):
    """A handler ran longer than its `timeout=` and was cancelled: a failure like any other."""


class HandlerProcessDied(LastcallError):
    """The process that ran a handler (`executor="process"`) has ended before it; the text says how. A failure."""


class RemoteError(LastcallError):
    """An exception of a handler in a process that could not be brought over, told by its type's name and its text."""


class Park(Exception):
    """Raised by a handler: set the message aside in the parking queue, for a person to look at."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = str(reason)
