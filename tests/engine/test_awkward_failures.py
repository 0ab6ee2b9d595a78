"""However awkward what a handler raises, its message is set aside and settled, and its slot is free again."""

from collections.abc import Callable

import pytest

from consumer import Delivery, Park, PublishFailed
from tests.engine.stage import Stage


class WithoutText(Exception):  # noqa: N818 - named for what it lacks
    def __str__(self) -> str:
        raise RuntimeError("no text")


class WithoutFormat(Exception):  # noqa: N818 - same
    @property
    def __cause__(self) -> BaseException:  # type: ignore[override]  # the traceback module reads it: that is the trap
        raise RuntimeError("no format")


def ours(reason: object) -> Exception:
    """Park, as somebody writes it who does not run a type checker."""
    return Park(reason)  # type: ignore[arg-type]  # that is the case


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (lambda: ours(ValueError("x")), "x"),
        (lambda: ours(None), "None"),
        (WithoutText, "WithoutText"),
        (lambda: WithoutFormat("why"), "WithoutFormat: why"),
        (lambda: ValueError("a\ud800b"), "ValueError: a?b"),
        (
            lambda: ExceptionGroup("several", [WithoutText(), ValueError("x")]),
            "ExceptionGroup: several (2 sub-exceptions)",
        ),
    ],
    ids=["Park(exception)", "Park(None)", "no text", "no format", "a lone surrogate", "a group"],
)
async def test_it_is_parked_with_what_can_be_told(stage: Stage, failure: Callable[[], Exception], reason: str) -> None:
    @stage.worker.handler("orders", concurrency=1)
    async def work(delivery: Delivery) -> None:
        if delivery.message_id == "a":
            raise failure()

    stage.put("a", "b")
    stage.start()
    await stage.told("settled", 2)
    assert [event.data["outcome"] for event in stage.of("settled")] == ["parked", "completed"]
    (parked,) = stage.fake.ready("orders.parked")
    assert (parked.message_id, parked.properties.headers["x-lastcall-reason"]) == ("a", reason)
    assert (await stage.drained()).exit_code == 0
    assert stage.fake.is_empty("orders")


async def test_a_publisher_that_fails_in_a_way_nobody_thought_of_is_tried_again(stage: Stage) -> None:
    @stage.worker.handler("orders", concurrency=1)
    async def work(delivery: Delivery) -> None:
        if delivery.message_id == "a":
            raise ValueError("broken")

    stage.put("a", "b")
    stage.fake.fail("confirm", RuntimeError("a defect"))  # type: ignore[arg-type]  # what the port does not allow
    stage.start()
    await stage.told("settled", 2)
    assert [event.data["error"] for event in stage.of("parking_failed")] == ["a defect"]
    assert [message.message_id for message in stage.fake.ready("orders.parked")] == ["a"]
    assert (await stage.drained()).exit_code == 0
    assert stage.fake.is_empty("orders")


async def test_a_message_that_can_never_be_published_as_it_is_is_parked_without_its_headers(stage: Stage) -> None:
    @stage.worker.handler("orders")
    async def work(_delivery: Delivery) -> None:
        raise ValueError("broken")

    stage.fake.put("orders", b"body", message_id="a", headers={"tenant": "t1"})
    stage.fake.fail("confirm", PublishFailed("a header can't be encoded", permanent=True))
    stage.start()
    await stage.told("settled")
    (parked,) = stage.fake.ready("orders.parked")
    headers = parked.properties.headers
    assert (parked.message_id, parked.body) == ("a", b"body")
    assert headers["x-lastcall-reason"] == "ValueError: broken"
    assert "tenant" not in headers
    left_out = str(headers["x-lastcall-headers-left-out"])
    assert "can't be encoded" in left_out
    assert "'tenant': 't1'" in left_out
    assert (await stage.drained()).exit_code == 0


async def test_parking_that_is_being_tried_again_stops_when_the_lease_is_lost(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    stage.fake.fail("confirm", PublishFailed("the parking queue is full"))
    stage.handling.fail("a", ValueError("broken"))
    await stage.told("parking_failed")
    stage.fake.cut()
    await stage.told("settled")
    assert (await stage.drained()).exit_code == 0, "and the first try has ended by now"
    assert stage.handling.started == ["a"]
    assert [message.message_id for message in stage.fake.ready("orders.parked")] == ["a"], "one copy"
    assert stage.ids("parked") == ["a"]
    assert stage.fake.is_empty("orders")
