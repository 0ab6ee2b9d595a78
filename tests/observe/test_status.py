"""What /statusz shows, and what it never does."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser

import pytest

from consumer import Delivery, Park
from consumer.core.events import Event
from consumer.errors import BrokerAway, BrokerRefused
from consumer.observe.recent import KEPT, RecentErrors
from consumer.observe.status import MOST_IN_FLIGHT
from tests.engine.stage import Stage, within
from tests.observe.asking import Ports, ask

HOSTILE = "<script>alert('x')</script>\"&\u202e\r\n"
SECRET = "4111-1111-1111-1111"
BROWSER = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


async def test_what_is_in_flight_is_shown_with_its_handler_and_age_the_oldest_first(stage: Stage, ports: Ports) -> None:
    stage.handle(concurrency=2, prefetch=3)
    stage.put("a", "b", "c")
    await stage.running("a", "b")
    status = (await ask(ports.last, "/statusz")).json
    assert [(each["message_id"], each["handler"], each["attempt"]) for each in status["in_flight"]] == [
        ("a", "work", 1),
        ("b", "work", 1),
    ]
    assert status["in_flight"][0]["seconds"] >= status["in_flight"][1]["seconds"] >= 0
    [queue] = status["queues"]
    assert (queue["name"], queue["in_flight"], queue["prefetched"], queue["received"]) == ("orders", 2, 1, 3)
    assert (status["phase"], status["drain"], status["shielded"]) == ("consuming", None, [])


async def test_a_drain_is_shown_with_what_it_waits_for(stage: Stage, ports: Ports) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    stage.worker.stop("scaled down")
    await stage.told("drain_started")
    status = (await ask(ports.last, "/statusz?format=json", BROWSER)).json
    assert (status["drain"]["reason"], status["drain"]["timeout"]) == ("scaled down", 60.0)
    assert [each["message_id"] for each in status["in_flight"]] == ["a"]
    page = Tags((await ask(ports.last, "/statusz", BROWSER)).text)
    assert {"Drain", "scaled down"} <= set(page.texts)
    stage.handling.finish("a")


async def test_a_hostile_message_id_is_text_and_nothing_else(stage: Stage, ports: Ports) -> None:
    stage.handle()
    stage.put(HOSTILE)
    await stage.running(HOSTILE)
    reply = await ask(ports.last, "/statusz", BROWSER)
    assert reply.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    page = Tags(reply.text)
    assert "script" not in page.tags
    assert any(HOSTILE.strip() in text for text in page.texts)
    assert (await ask(ports.last, "/statusz")).json["in_flight"][0]["message_id"] == HOSTILE


async def test_bodies_headers_and_what_handlers_raise_are_not_shown(stage: Stage, ports: Ports) -> None:
    @stage.worker.handler("orders")
    async def work(delivery: Delivery) -> None:
        raise (Park(SECRET) if delivery.message_id == "a" else ValueError(SECRET))

    @stage.worker.background
    async def fail() -> None:
        raise ValueError(SECRET)

    for name in ("a", "b"):
        stage.fake.put("orders", SECRET.encode(), message_id=name, headers={"card": SECRET})
    stage.start()
    await stage.told("parked", 2)
    await stage.told("background_failed")
    for accept in ("*/*", BROWSER):
        reply = await ask(ports.last, "/statusz", accept)
        assert SECRET not in reply.text
        assert "parked" in reply.text
    errors = (await ask(ports.last, "/statusz")).json["errors"]
    assert {each["event"] for each in errors} == {"parked", "background_failed"}
    assert [each["message_id"] for each in errors if each["event"] == "parked"] in (["b", "a"], ["a", "b"])
    assert SECRET not in (await ask(ports.last, "/metrics")).text


async def test_why_the_broker_is_away_is_shown(stage: Stage, ports: Ports) -> None:
    stage.handle()
    stage.fake.fail("connect", BrokerAway("connection refused"))
    gate = stage.fake.hold("consume")
    stage.start()
    await within(gate.reached)
    [error] = (await ask(ports.last, "/statusz")).json["errors"]
    assert (error["event"], error["error"]) == ("connecting", "connection refused")
    gate.open()


async def test_of_what_ends_the_worker_only_our_own_words_about_the_broker_are_shown(
    stage: Stage, ports: Ports
) -> None:
    seen: list[str | None] = []

    def look(event: Event) -> None:
        snapshot = stage.worker.snapshot()
        if event.name == "drain_started" and snapshot is not None:
            seen.append(snapshot.reason)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        refuse(f"postgresql://app:{SECRET}@db/ refused")
        yield

    def refuse(text: str) -> None:
        raise ConnectionError(text)

    stage.handle()
    stage.worker.observe(look)
    stage.fake.fail("connect", BrokerRefused("no vhost 'shop'"))
    with pytest.raises(BrokerRefused):
        await stage.worker.serve()
    stage.worker.lifespan(lifespan)
    with pytest.raises(ConnectionError):
        await stage.worker.serve()
    assert seen == ["failed: no vhost 'shop'", "failed: ConnectionError"]
    assert SECRET in str(stage.of("drain_finished")[1].data["error"]), "the log and the report have it whole"


async def test_the_last_errors_are_kept_and_no_more() -> None:
    recent = RecentErrors()
    recent(Event("consuming", data={"queues": []}))
    for number in range(KEPT + 5):
        recent(Event("parked", "orders", f"m{number}", {"reason": "x"}))
    kept = recent.newest_first()
    assert len(kept) == KEPT
    assert kept[0]["message_id"] == f"m{KEPT + 4}"


async def test_what_is_more_than_can_be_shown_is_counted(stage: Stage, ports: Ports) -> None:
    count = MOST_IN_FLIGHT + 3
    stage.handle(concurrency=count)
    names = [f"m{number}" for number in range(count)]
    stage.put(*names)
    await stage.running(*names)
    status = (await ask(ports.last, "/statusz")).json
    assert (len(status["in_flight"]), status["in_flight_not_shown"]) == (MOST_IN_FLIGHT, 3)
    assert re.search(r"and 3 more", (await ask(ports.last, "/statusz", BROWSER)).text)
