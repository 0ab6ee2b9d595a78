"""The errors of the package, and the two signals that a handler raises to say where its message goes.

May know: nothing but itself. May not know: anything of the package (everything may import this file).
"""

# ruff: noqa: N818 - `raise Park(...)` and `BrokerAway` read as what they are; "Error" would add a word, not a meaning


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


class Undecodable(LastcallError):
    """A message's payload can't be made into what its handler takes; the text is the parking reason."""


class Requeue(Exception):
    """Raised by a handler: hand the message back to its queue, at once."""


class Park(Exception):
    """Raised by a handler: set the message aside in the parking queue, for a person to look at."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = str(reason)
