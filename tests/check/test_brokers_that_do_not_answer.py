"""A look at a broker ends, whatever the broker leaves unanswered: publishing under an alarm, a goodbye, everything."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest

from consumer import Settings
from consumer.broker.amqp import probes
from consumer.cli import check_broker
from consumer.cli.check_room import facts
from consumer.core.facts import Version
from consumer.errors import BrokerAway
from tests.check.subjects import worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aio_pika import Connection

URL = "amqp://u:secret@broker/"


class Deaf:
    """A connection, a channel and an exchange of a broker that reads nothing any more."""

    closing = False

    async def channel(self, **_: object) -> "Deaf":
        return self

    async def get_underlay_channel(self) -> "Deaf":
        return self

    async def basic_publish(self, *_: object, **__: object) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        self.closing = True
        await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((probes, "PUBLISHING"), (probes, "CLOSING"), (check_broker, "PATIENCE")):
        monkeypatch.setattr(module, name, 0.01)


async def test_a_broker_that_takes_no_messages_keeps_nobody_waiting() -> None:
    deaf = Deaf()

    async def open_connection() -> "Connection":
        return cast("Connection", deaf)

    async with probes.probing(open_connection) as asked:
        with pytest.raises(TimeoutError):
            await asked.may_publish()
    assert deaf.closing


class Answers:
    """Probes of a broker that has all, and a user who may all, but for what a test says."""

    version: Version = (4, 3)

    def __init__(self, **answers: Any) -> None:
        self._answers: Mapping[str, Any] = {"queue": probes.Traits(), **answers}
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        async def answer(*_: object) -> object:
            self.asked.append(name)
            given = self._answers.get(name, True)
            if isinstance(given, BaseException):
                raise given
            return await given.wait() if isinstance(given, asyncio.Event) else given

        return answer


def look(monkeypatch: pytest.MonkeyPatch, answers: Answers) -> check_broker.Looked:
    @asynccontextmanager
    async def probing(_: object) -> "AsyncIterator[Answers]":
        yield answers

    monkeypatch.setattr(check_broker, "probing", probing)
    two = worker()
    two.handler("mails", name="send")(lambda mail: None)
    return check_broker.look(Settings(amqp_url=URL, connect_timeout=0.01), facts(two).handlers)


def test_under_an_alarm_it_is_said_that_publishing_could_not_be_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Answers(may_publish=TimeoutError())
    [left] = look(monkeypatch, answers).unchecked
    assert (left.what, "alarm" in left.why) == ("write on 'amq.default'", True)
    assert answers.asked.index("may_publish") == len(answers.asked) - 1, "nothing is answered after it"


def test_a_user_who_may_not_publish_is_told_so_for_each_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    denied = look(monkeypatch, Answers(may_publish=False)).denied
    assert [(each.need.permission, each.need.handler) for each in denied] == [("write", "charge"), ("write", "send")]


def test_a_broker_that_answers_nothing_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BrokerAway, match=r"u:\*\*\*@broker/: no answer for") as raised:
        look(monkeypatch, Answers(queue=asyncio.Event()))
    assert "secret" not in str(raised.value)


def test_what_the_client_logs_of_a_lost_connection_stays_off_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    look(monkeypatch, Answers())
    logging.getLogger("aiormq.connection").warning("Connection was blocked")
    assert capsys.readouterr() == ("", "")
