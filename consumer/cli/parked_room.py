"""A visit to a parking queue: the broker is dialled, signals end the walk, and what came of it is handed back.

May know: settings, the broker's port, walks, signals. May not know: which command it is for, how it looks.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import typer

from consumer.broker.port import Publisher
from consumer.connecting import rabbitmq
from consumer.errors import BrokerAway, ConfigurationError, LastcallError
from consumer.parked.finding import Found, find, find_work_queue
from consumer.parked.moves import Errand, Tally, carry_out
from consumer.parked.walk import Walk, walking
from consumer.settings import Settings

T = TypeVar("T")
NAME = "lastcall parked"
PATIENCE = 5.0
"""Seconds that closing the connections may take: a broker with a resource alarm reads nothing of what we send."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(slots=True)
class Visit:
    """While it lasts: a walk, a publisher, and the signal that has ended the walk, if one has."""

    walk: Walk
    publisher: Publisher
    signalled: int | None = None

    def listen(self) -> None:
        """The first signal ends the walk after the message that is under way; a second one does what it always does."""
        with suppress(NotImplementedError):  # on Windows the first one does, too
            for number in SIGNALS:
                asyncio.get_running_loop().add_signal_handler(number, self._end, number)

    def deafen(self) -> None:
        """Signals do what they always do."""
        with suppress(NotImplementedError):
            for number in SIGNALS:
                asyncio.get_running_loop().remove_signal_handler(number)

    def _end(self, number: int) -> None:
        self.signalled = number
        typer.echo("lastcall parked: ending after the message that is under way; once more: at once", err=True)
        self.walk.stop()
        self.deafen()


@dataclass(frozen=True, slots=True)
class Report:
    """What came of an errand in the parking queue `queue`. `problem`: the broker was lost on the way."""

    queue: str
    tally: Tally
    signalled: int | None = None
    problem: str | None = None

    @property
    def exit_code(self) -> int:
        """See the epilog of `lastcall parked`."""
        if self.signalled is not None:
            return 128 + self.signalled
        return int(self.problem is not None or self.tally.unmoved > 0)


async def look_for(settings: Settings, queue: str, to: str | None = None) -> tuple[Found, str | None]:
    """The parking queue that is meant, and the queue that `to` means. Raises ConfigurationError when one is missing."""
    tools = rabbitmq(settings, NAME).tools()
    try:
        found = await find(tools, queue, settings.queue_prefix)
        target = None if to is None else await find_work_queue(tools, to, settings.queue_prefix)
    finally:
        await tools.close()
    if target == found.name:
        raise ConfigurationError(f"--to {to}: the messages are in that queue already.")
    return found, target


async def carry(errand: Errand, settings: Settings, found: Found) -> Report:
    """Do it with the messages that are in the queue now."""
    tally = Tally(found.count)
    if not found.count:
        return Report(found.name, tally)
    async with _visiting(settings, found) as visit:
        problem = None
        try:
            await carry_out(errand, visit.walk, visit.publisher, tally)
        except BrokerAway as away:
            problem = str(away)
        return Report(found.name, tally, visit.signalled, problem)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run it. What can't be done ends the process with its reason and exit code 1; usage errors pass."""
    try:
        return asyncio.run(work)
    except ConfigurationError:
        raise  # exit code 2
    except LastcallError as error:
        typer.echo(f"lastcall parked: {error}", err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        raise typer.Exit(128 + signal.SIGINT) from None


@asynccontextmanager
async def _visiting(settings: Settings, found: Found) -> AsyncIterator[Visit]:
    broker = rabbitmq(settings, NAME)
    publisher, connection = broker.publisher(), await broker.connect()
    try:
        async with walking(connection, found.name, found.count) as walk:
            visit = Visit(walk, publisher)
            visit.listen()
            yield visit
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await connection.close()
                await publisher.close()
