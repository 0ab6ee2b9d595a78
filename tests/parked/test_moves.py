"""A replay publishes, has it confirmed, and acks, in this order; what can't be moved stays, and is told."""

import asyncio
from dataclasses import dataclass, field

import pytest

from consumer.core.parked import ParkedStory, Wanted
from consumer.errors import PublishFailed
from consumer.parked.moves import Act, Errand, Replay, Tally, carry_out, dropped, looked_at
from consumer.parked.walk import Walk, walking
from consumer.testing.fake import FakeBroker
from tests.parked.test_walk import ids

QUEUE = "orders.parked"
STORY: dict[str, object] = {"x-lastcall-reason": "why", "x-lastcall-queue": "orders", "x-lastcall-attempt": 3}


@dataclass
class Stage:
    """A broker with a work queue, a parking queue, and what an errand there has told."""

    broker: FakeBroker = field(default_factory=FakeBroker)
    told: list[tuple[str | None, str]] = field(default_factory=list)
    walk: Walk | None = None

    def park(self, *names: str, **headers: object) -> None:
        self.broker.declare("orders")
        for name in names:
            more = {f"x-lastcall-{key.replace('_', '-')}": value for key, value in headers.items()}
            self.broker.put(QUEUE, b"body", message_id=name, headers=STORY | more)

    async def errand(self, act: Act, wanted: Wanted, limit: int | None) -> Tally:
        tally = Tally(len(self.broker.ready(QUEUE)))
        async with walking(await self.broker.connect(), QUEUE, tally.there) as self.walk:
            errand = Errand(wanted, limit, lambda *_: act, self._tell, lambda _tally: None)
            await carry_out(errand, self.walk, self.broker.publisher(), tally)
        return tally

    async def replay(self, wanted: Wanted | None = None, limit: int | None = None, **options: object) -> Tally:
        tally = Tally(len(self.broker.ready(QUEUE)))

        def act(walk: Walk, publisher: object) -> Act:
            return Replay(walk, self.broker.publisher(), **options)  # type: ignore[arg-type]  # each test gives its own

        async with walking(await self.broker.connect(), QUEUE, tally.there) as self.walk:
            errand = Errand(wanted or Wanted(), limit, act, self._tell, lambda _tally: None)
            await carry_out(errand, self.walk, self.broker.publisher(), tally)
        return tally

    def _tell(self, story: ParkedStory, why: str) -> None:
        self.told.append((story.message_id, why))


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_a_replay_moves_what_is_wanted_in_order(stage: Stage) -> None:
    stage.park("a", "b", "c")
    stage.park("d", reason="another")
    tally = await stage.replay(Wanted(reason="why"))
    assert ids(stage.broker.ready("orders")) == ["a", "b", "c"]
    assert ids(stage.broker.ready(QUEUE)) == ["d"]
    assert (tally.done, tally.skipped, tally.unmoved, tally.left) == (3, 1, 0, 1)
    assert stage.broker.protocol_errors == []


async def test_a_limit_counts_what_is_wanted_and_looks_no_further(stage: Stage) -> None:
    stage.park("a", reason="another")
    stage.park("b", "c", "d")
    tally = await stage.replay(Wanted(reason="why"), limit=2)
    assert ids(stage.broker.ready("orders")) == ["b", "c"]
    assert (tally.looked, tally.left) == (3, 2)


async def test_until_it_is_confirmed_a_message_is_not_acked(stage: Stage) -> None:
    stage.park("a")
    gate = stage.broker.hold("confirm")
    replaying = asyncio.create_task(stage.replay())
    await gate.reached
    assert len(stage.broker.unacked(QUEUE)) == 1
    gate.open()
    await replaying
    assert stage.broker.is_empty(QUEUE)


async def test_a_replay_that_is_cut_between_confirm_and_ack_leaves_a_duplicate_and_loses_nothing(stage: Stage) -> None:
    stage.park("a")
    gate = stage.broker.hold("confirm")
    replaying = asyncio.create_task(stage.replay())
    await gate.reached
    stage.broker.cut()
    gate.open()
    await replaying
    assert (ids(stage.broker.ready("orders")), ids(stage.broker.ready(QUEUE))) == (["a"], ["a"])


async def test_a_message_that_cannot_be_published_stays_and_the_others_go_on(stage: Stage) -> None:
    stage.park("a", "b")
    stage.broker.fail("confirm", PublishFailed("the broker refused it: a full queue, perhaps."))
    tally = await stage.replay()
    assert stage.told == [("a", "the broker refused it: a full queue, perhaps.")]
    assert (ids(stage.broker.ready(QUEUE)), tally.unmoved, tally.done) == (["a"], 1, 1)


async def test_a_message_whose_work_queue_is_gone_stays(stage: Stage) -> None:
    stage.park("a", queue="gone")
    await stage.replay()
    assert "no queue takes it" in stage.told[0][1]
    assert ids(stage.broker.ready(QUEUE)) == ["a"]


async def test_a_message_that_does_not_tell_its_queue_stays_unless_one_is_given(stage: Stage) -> None:
    stage.park("a", queue=None)
    await stage.replay()
    assert "give --to QUEUE" in stage.told[0][1]
    assert (await stage.replay(to="orders")).done == 1


async def test_a_message_that_lost_headers_stays_unless_told_otherwise(stage: Stage) -> None:
    stage.park("a", headers_left_out="the headers take 200000 bytes")
    await stage.replay()
    assert "the headers take 200000 bytes" in stage.told[0][1]
    assert "--even-without-headers" in stage.told[0][1]
    assert (await stage.replay(even_incomplete=True)).done == 1


async def test_a_dry_run_finds_the_same_and_changes_nothing(stage: Stage) -> None:
    stage.park("a", "b")
    stage.park("c", headers_left_out="too large")
    tally = await stage.replay(dry_run=True)
    assert (tally.done, tally.unmoved) == (2, 1)
    assert ids(stage.broker.ready(QUEUE)) == ["a", "b", "c"]
    assert stage.broker.is_empty("orders")


async def test_a_rate_spaces_the_messages_and_a_stop_does_not_wait_for_it(stage: Stage) -> None:
    stage.park("a", "b")
    replaying = asyncio.create_task(stage.replay(rate=0.001))  # the second one would be due in 1000 s
    async with asyncio.timeout(5):
        await stage.broker.until(lambda: ids(stage.broker.ready("orders")) == ["a"])
        assert stage.walk is not None
        stage.walk.stop()
        tally = await replaying
    assert (tally.done, tally.left, ids(stage.broker.ready(QUEUE))) == (1, 1, ["b"])


async def test_a_rate_is_kept(stage: Stage) -> None:
    stage.park("a", "b", "c", "d")
    began = asyncio.get_running_loop().time()
    await stage.replay(rate=50)
    assert asyncio.get_running_loop().time() - began >= 3 / 50


async def test_what_is_dropped_is_gone_and_the_rest_stays(stage: Stage) -> None:
    stage.park("a", "b")
    stage.park("c", reason="another")
    tally = await stage.errand(dropped, Wanted(reason="why"), None)
    assert (tally.done, ids(stage.broker.ready(QUEUE))) == (2, ["c"])


async def test_looking_takes_nothing(stage: Stage) -> None:
    stage.park("a", "b")
    rows: list[tuple[int, ParkedStory]] = []
    await stage.errand(looked_at(rows), Wanted(), None)
    assert [(number, story.message_id) for number, story in rows] == [(1, "a"), (2, "b")]
    assert len(stage.broker.ready(QUEUE)) == 2
