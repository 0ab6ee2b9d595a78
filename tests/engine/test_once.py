"""With an inbox a message is run under a claim, is completed before it is acked, and is not run once completed."""

import asyncio
from pathlib import Path

import pytest

from consumer import Delivery, Requeue, RetryPolicy
from consumer.errors import ClaimLost, ConfigurationError, InboxAway
from consumer.inbox import Claim, SqliteInbox
from tests.engine.stage import Stage, turns, within

KEY = "orders/a"


class Store(SqliteInbox):
    """A real inbox that can be made to fail, and tells what it was asked."""

    def __init__(self, path: Path, lease: float = 60) -> None:
        super().__init__(path, lease=lease)
        self.asked: list[str] = []
        self.failures = {"claim": 0, "complete": 0, "release": 0}
        self.renewed = asyncio.Event()

    async def claim(self, key: str, owner: str) -> Claim:
        self._note("claim")
        return await super().claim(key, owner)

    async def complete(self, key: str, owner: str) -> bool:
        self._note("complete")
        return await super().complete(key, owner)

    async def release(self, key: str, owner: str) -> None:
        self._note("release")
        await super().release(key, owner)

    async def renew(self, keys: object, owner: str) -> set[str]:
        self.renewed.set()
        return await super().renew(keys, owner)  # type: ignore[arg-type]  # as it was given

    def _note(self, name: str) -> None:
        self.asked.append(name)
        if self.failures[name]:
            self.failures[name] -= 1
            raise InboxAway("the store is away")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "inbox.sqlite3")


async def test_it_is_completed_before_it_is_acked(stage: Stage, store: Store) -> None:
    stage.handle(once=store)
    stage.put("a")
    await stage.running("a")
    claim = stage.handling.deliveries["a"].claim
    assert claim is not None
    assert claim.key == KEY
    stage.worker.observe(lambda event: store.asked.append(event.name) if event.name == "settled" else None)
    stage.handling.finish("a")
    await stage.told("settled")
    assert store.asked == ["claim", "complete", "settled"]
    assert (await stage.drained()).exit_code == 0


async def test_one_that_was_completed_is_acked_and_not_run(stage: Stage, store: Store) -> None:
    stage.handle(once=store, concurrency=1)
    stage.put("a", "a")
    await stage.running("a")
    stage.handling.finish("a")
    await stage.told("settled", 2)
    assert (stage.handling.started, stage.ids("already_completed")) == (["a"], ["a"])
    assert (await stage.drained()).exit_code == 0
    assert stage.fake.is_empty("orders")


async def test_a_duplicate_beside_a_running_one_is_put_off(stage: Stage, store: Store) -> None:
    stage.handle(once=store, concurrency=2)
    stage.put("a", "a")
    await stage.running("a")
    await stage.told("settled")
    ((copy, seconds),) = stage.fake.delayed("orders")
    assert (copy.message_id, copy.attempt, seconds) == ("a", 1, 20)
    stage.handling.finish("a")
    await stage.told("settled", 2)
    stage.fake.release("orders")
    await stage.told("settled", 3)
    assert stage.handling.started == ["a"]
    await stage.drained()


async def test_one_that_another_worker_runs_is_put_off(stage: Stage, store: Store) -> None:
    await store.open()
    assert await store.claim(KEY, "another worker") is Claim.GRANTED
    stage.handle(once=store)
    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert (stage.handling.started, len(stage.fake.delayed("orders"))) == ([], 1)
    await stage.drained()


@pytest.mark.parametrize("failure", [ValueError("broken"), Requeue()])
async def test_what_failed_or_went_back_may_be_claimed_at_once(stage: Stage, store: Store, failure: Exception) -> None:
    @stage.worker.handler("orders", once=store)
    async def work(_delivery: Delivery) -> None:
        stage.worker.stop()
        raise failure

    stage.put("a")
    stage.start()
    await stage.report()
    await store.open()
    assert await store.claim(KEY, "another worker") is Claim.GRANTED
    await store.close()


async def test_an_orphans_claim_is_released(stage: Stage, store: Store) -> None:
    stage.make(drain_timeout=0.05)
    stage.handle(once=store)
    stage.put("a")
    await stage.running("a")
    assert (await stage.drained()).orphans == ["a"]
    await store.open()
    assert await store.claim(KEY, "another worker") is Claim.GRANTED
    await store.close()


async def test_attempts_in_place_keep_the_claim(stage: Stage, store: Store) -> None:
    claims = []

    @stage.worker.handler("orders", once=store, retry=RetryPolicy(attempts=3, first_wait=0))
    async def work(delivery: Delivery) -> None:
        claims.append(delivery.claim)
        if delivery.attempt < 3:
            raise ValueError

    stage.put("a")
    stage.start()
    await stage.told("settled")
    assert (len(claims), len(set(claims))) == (3, 1)
    assert store.asked == ["claim", "complete"]
    await stage.drained()


async def test_nothing_is_run_without_the_stores_answer(stage: Stage, store: Store) -> None:
    stage.handle(once=store)
    store.failures["claim"] = 1
    stage.put("a")
    await stage.running()
    await stage.told("inbox_away")
    assert stage.handling.started == []
    await stage.handling.begun("a")
    stage.handling.finish("a")
    await stage.told("settled")
    await stage.drained()


async def test_without_an_answer_until_the_deadline_it_goes_back(stage: Stage, store: Store) -> None:
    stage.make(drain_timeout=0.05)
    stage.handle(once=store)
    store.failures["claim"] = 1_000
    stage.put("a")
    await stage.running()
    await stage.told("inbox_away")
    assert (await stage.drained()).orphans == ["a"]
    assert stage.ready() == ["a"]


async def test_the_ack_waits_until_the_completion_is_written(stage: Stage, store: Store) -> None:
    stage.handle(once=store)
    store.failures["complete"] = 1
    stage.put("a")
    await stage.running("a")
    stage.handling.finish("a")
    await stage.told("inbox_away")
    assert stage.unacked() == ["a"]
    await stage.told("settled")
    assert store.asked == ["claim", "complete", "complete"]
    await stage.drained()


async def test_claims_of_what_runs_are_renewed(stage: Stage, tmp_path: Path) -> None:
    store = Store(tmp_path / "inbox.sqlite3", lease=0.15)
    stage.handle(once=store)
    stage.put("a")
    await stage.running("a")
    await within(store.renewed.wait())
    assert await store.claim(KEY, "another worker") is Claim.HELD
    stage.handling.finish("a")
    await stage.told("settled")
    assert stage.ids("claim_lost") == []
    await stage.drained()


async def test_a_claim_that_is_lost_while_it_runs_is_told_once(stage: Stage, tmp_path: Path) -> None:
    store = Store(tmp_path / "inbox.sqlite3", lease=0.03)
    stage.handle(once=store)
    stage.put("a")
    await stage.running("a")
    claim = stage.handling.deliveries["a"].claim
    assert claim is not None
    await store.release(KEY, claim.owner)
    assert await store.claim(KEY, "another worker") is Claim.GRANTED
    await stage.told("claim_lost")
    stage.handling.finish("a")
    await stage.told("settled")
    assert stage.ids("claim_lost") == ["a"]
    await stage.drained()


async def test_a_claim_that_was_not_answered_by_the_deadline_is_released(stage: Stage, tmp_path: Path) -> None:
    class Slow(Store):
        async def claim(self, key: str, owner: str) -> Claim:
            granted = await super().claim(key, owner)
            await asyncio.Event().wait()  # the answer does not come
            return granted

    store = Slow(tmp_path / "inbox.sqlite3")
    stage.make(drain_timeout=0.05)
    stage.handle(once=store)
    stage.put("a")
    await stage.running()
    await stage.told("started")
    await stage.drained()
    assert store.asked == ["claim", "release"]


async def test_messages_without_an_id_are_run_as_if_there_were_no_inbox(stage: Stage, store: Store) -> None:
    claims = []

    @stage.worker.handler("orders", once=store)
    async def work(delivery: Delivery) -> None:
        claims.append(delivery.claim)

    stage.fake.put("orders")
    stage.fake.put("orders")
    stage.start()
    await stage.told("settled", 2)
    assert (claims, store.asked) == ([None, None], [])
    await stage.drained()


async def test_one_whose_claim_was_taken_over_is_not_parked(stage: Stage, store: Store) -> None:
    """`complete_in` has raised ClaimLost: somebody else has the message, and will complete it."""

    @stage.worker.handler("orders", once=store)
    async def work(delivery: Delivery) -> None:
        assert delivery.claim is not None
        await store.release(KEY, delivery.claim.owner)
        assert await store.claim(KEY, "another worker") is Claim.GRANTED
        raise ClaimLost("taken over")

    stage.put("a")
    stage.start()
    await stage.told("put_off")
    assert (stage.ids("started"), stage.ids("parked")) == (["a", "a"], [])
    await stage.drained()


async def test_an_inbox_that_fails_in_a_way_nobody_thought_of_is_asked_again(stage: Stage, tmp_path: Path) -> None:
    """Else what has been run would be requeued, and run again, and again."""

    class Broken(Store):
        async def complete(self, key: str, owner: str) -> bool:
            if self.asked.count("complete") == 0:
                self.asked.append("complete")
                raise RuntimeError("a defect")
            return await super().complete(key, owner)

    store = Broken(tmp_path / "inbox.sqlite3")
    stage.handle(once=store)
    stage.put("a")
    await stage.running("a")
    stage.handling.finish("a")
    await stage.told("settled")
    assert (stage.handling.started, store.asked) == (["a"], ["claim", "complete", "complete"])
    assert [event.data["error"] for event in stage.of("inbox_away")] == ["a defect"]
    await stage.drained()


async def test_a_claim_that_was_released_and_taken_again_while_others_were_renewed_is_not_told_as_lost(
    stage: Stage, tmp_path: Path
) -> None:
    class Slow(Store):
        answer = asyncio.Event()

        async def renew(self, keys: object, owner: str) -> set[str]:
            self.renewed.set()
            await self.answer.wait()
            return set()  # at the time of the question it was released

    store = Slow(tmp_path / "inbox.sqlite3", lease=0.06)
    stage.handle(once=store)
    stage.put("a")
    await stage.running("a")
    await within(store.renewed.wait())
    stage.handling.fail("a", Requeue())
    stage.handling.forget("a")
    await stage.handling.begun("a")
    store.answer.set()
    await turns()
    assert stage.ids("claim_lost") == []
    stage.handling.finish("a")
    await stage.told("settled")
    await stage.drained()


async def test_a_stop_while_an_inbox_opens_starts_no_background_task(stage: Stage, tmp_path: Path) -> None:
    opening, go_on, begun = asyncio.Event(), asyncio.Event(), asyncio.Event()

    class Slow(Store):
        async def open(self) -> None:
            opening.set()
            await go_on.wait()
            await super().open()

    @stage.worker.background
    async def report_stock() -> None:
        begun.set()
        await asyncio.Event().wait()

    stage.handle(once=Slow(tmp_path / "inbox.sqlite3"))
    stage.start()
    await within(opening.wait())
    stage.worker.stop()
    await turns()
    go_on.set()
    assert (await stage.report()).exit_code == 0
    assert not begun.is_set()


async def test_an_inbox_that_cannot_be_closed_is_told_and_keeps_nobody(stage: Stage, tmp_path: Path) -> None:
    class Broken(Store):
        async def close(self) -> None:
            await super().close()
            raise RuntimeError("a defect")

    stage.handle(once=Broken(tmp_path / "inbox.sqlite3"))
    await stage.running()
    assert (await stage.drained()).exit_code == 0
    assert [event.data["error"] for event in stage.of("inbox_away")] == ["a defect"]


async def test_a_store_that_cannot_serve_stops_the_start(stage: Stage, tmp_path: Path) -> None:
    stage.handle(once=SqliteInbox(tmp_path / "absent" / "inbox.sqlite3"))
    with pytest.raises((ConfigurationError, InboxAway)):
        await within(stage.start())
    await turns()
    assert stage.of("consuming") == []
