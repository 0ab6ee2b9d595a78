"""How one of several worker processes hears from its parent, and tells it how its drain went.

May know: sockets, signals. May not know: event loops, brokers, how the parent sees to its children.
"""

import json
import os
import socket
from contextlib import suppress
from signal import SIGTERM
from threading import Thread

from consumer.errors import ConfigurationError
from consumer.hosts.signals import Stoppable
from consumer.listening import shifted

LINK = "LASTCALL_PARENT_LINK"
"""The environment variable by which a child knows its link: the number of a file descriptor, and its own number."""
QUIET, RESUME = b"q", b"r"
"""What a parent says over the link."""


class ParentLink:
    """A child's end of the link, for `told`, who hears what the parent wishes."""

    def __init__(self, descriptor: int, number: int, told: Stoppable) -> None:
        self._number = number
        self._socket = socket.socket(fileno=descriptor)
        self._socket.set_inheritable(False)
        self._told = told
        Thread(target=self._until_the_parent_ends, name="lastcall parent", daemon=True).start()

    @classmethod
    def found(cls, told: Stoppable) -> "ParentLink | None":
        """The link of this process, if it is a child; it is told once, and not to the processes that it starts."""
        given = os.environ.pop(LINK, None)
        descriptor, _, number = (given or "").partition(":")
        return None if given is None else cls(int(descriptor), int(number), told)

    def own_port(self, address: str | None) -> str | None:
        """Where this child answers, when its first sibling answers here: each has the port after the one before it.

        Raises ConfigurationError past the last port.
        """
        try:
            return None if address is None else shifted(address, self._number - 1)
        except ValueError as error:
            raise ConfigurationError(
                f"health (--health or LASTCALL_HEALTH): process {self._number} has the port {self._number - 1} after "
                f"{address!r}. {error}: begin further down."
            ) from error

    def report(self, report: dict[str, object]) -> None:
        """Tell the parent how it went."""
        with suppress(OSError):  # it is gone
            self._socket.sendall(json.dumps(report).encode())

    def _until_the_parent_ends(self) -> None:
        with suppress(OSError):
            while wish := self._socket.recv(1):
                if wish == QUIET:
                    self._told.quiet("its parent says so")
                else:
                    self._told.resume()
        os.kill(os.getpid(), SIGTERM)
