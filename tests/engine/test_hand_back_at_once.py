"""What was not started is handed back at the cancel-ok, while what is in flight runs on; nothing starts any more."""

from tests.engine.stage import Stage, turns, within


async def test_the_unstarted_are_nacked_at_the_cancel_ok_while_those_in_flight_run_on(stage: Stage) -> None:
    stage.handle(concurrency=2, prefetch=5)
    stage.put("a", "b", "c", "d", "e", "f")
    await stage.running("a", "b")
    await stage.told("received", 5)
    stage.worker.stop()
    await within(stage.fake.until(lambda: stage.ready() == ["c", "d", "e", "f"]))
    assert stage.unacked() == ["a", "b"]
    assert stage.handling.ended == []
    stage.handling.finish("a", "b")
    report = await stage.report()
    assert (report.exit_code, report.handed_back, report.finished, report.orphans) == (0, 3, 2, [])
    assert stage.ids("settled") == ["a", "b"]
    assert stage.ready() == ["c", "d", "e", "f"]
    assert stage.fake.returned_by_closing == []


async def test_before_the_cancel_ok_nothing_is_nacked_because_it_would_come_right_back(stage: Stage) -> None:
    stage.handle(concurrency=1, prefetch=3)
    stage.put("a", "b", "c")
    await stage.running("a")
    await stage.told("received", 3)
    gate = stage.fake.hold("cancel-ok")
    stage.worker.stop()
    await within(gate.reached)
    await turns()
    assert stage.of("requeued") == []
    gate.open()
    await stage.told("requeued", 2)
    stage.handling.finish("a")
    assert (await stage.report()).exit_code == 0


async def test_nothing_starts_after_the_stop_even_when_slots_come_free(stage: Stage) -> None:
    stage.handle(concurrency=1, prefetch=3)
    stage.put("a", "b", "c")
    await stage.running("a")
    await stage.told("received", 3)
    gate = stage.fake.hold("cancel-ok")
    stage.worker.stop()
    await within(gate.reached)
    stage.handling.finish("a")
    await stage.told("settled")
    await turns()
    assert stage.handling.started == ["a"]
    gate.open()
    assert (await stage.report()).handed_back == 2
    assert stage.handling.started == ["a"]
    assert stage.ready() == ["b", "c"]


async def test_a_late_delivery_during_the_cancel_is_requeued_and_never_started(stage: Stage) -> None:
    stage.handle(concurrency=2, prefetch=3)
    stage.put("a")
    await stage.running("a")
    gate = stage.fake.hold("cancel-ok")
    stage.worker.stop()
    await within(gate.reached)
    stage.put("late")
    await stage.told("received", 2)
    await turns()
    assert stage.handling.started == ["a"]
    gate.open()
    await stage.told("requeued", message_id="late")
    assert stage.handling.ended == []
    stage.handling.finish("a")
    assert (await stage.report()).exit_code == 0
    assert stage.handling.started == ["a"]
    assert stage.ready() == ["late"]
    assert stage.fake.returned_by_closing == []


async def test_more_than_one_slice_is_handed_back_whole_and_in_order(stage: Stage) -> None:
    names = [f"m{number:03}" for number in range(300)]
    stage.handle(concurrency=1, prefetch=300)
    stage.put(*names)
    await stage.running("m000")
    await stage.told("received", 300)
    stage.worker.stop()
    await within(stage.fake.until(lambda: stage.ready() == names[1:]))
    stage.handling.finish("m000")
    assert (await stage.report()).handed_back == 299


async def test_every_queue_is_handed_back_on_its_own_cancel_ok(stage: Stage) -> None:
    stage.handle("orders", concurrency=1, prefetch=2)
    stage.handle("refunds", concurrency=1, prefetch=2)
    stage.put("a", "b", queue="orders")
    stage.put("c", "d", queue="refunds")
    await stage.running("a", "c")
    await stage.told("received", 4)
    stage.worker.stop()
    await stage.told("requeued", 2)
    assert (stage.ready("orders"), stage.ready("refunds")) == (["b"], ["d"])
    stage.handling.finish("a", "c")
    report = await stage.report()
    assert (report.exit_code, report.handed_back, report.finished) == (0, 2, 2)


async def test_a_handed_back_message_is_worked_by_another_worker_while_the_first_still_drains(stage: Stage) -> None:
    stage.handle(concurrency=1, prefetch=2)
    stage.put("a", "b")
    await stage.running("a")
    await stage.told("received", 2)
    first = stage.worker
    serving_first = stage.start_again()
    await stage.told("consuming", 2)
    first.stop()
    await stage.handling.begun("b")
    assert stage.handling.deliveries["b"].redelivered
    assert stage.handling.ended == []
    stage.handling.finish("a", "b")
    assert (await within(serving_first)).exit_code == 0
    assert (await stage.drained()).exit_code == 0


async def test_draining_is_false_before_the_stop_and_then_true_and_awaitable(stage: Stage) -> None:
    stage.handle()
    stage.put("a")
    await stage.running("a")
    draining = stage.handling.deliveries["a"].draining
    assert not draining
    stage.worker.stop()
    await within(draining)
    assert draining
    stage.handling.finish("a")
    assert (await stage.report()).exit_code == 0
