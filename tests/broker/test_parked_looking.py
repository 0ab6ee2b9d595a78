"""`lastcall parked list|show` on a real RabbitMQ: they tell what is there, and leave it as it was."""

import pytest
from pamqp import commands as spec

from consumer import Delivery
from consumer.parked.walk import walking
from tests.broker.live import Live
from tests.broker.parked_command import Commands

pytestmark = [pytest.mark.broker, pytest.mark.process]


async def test_a_list_tells_each_message_and_its_story(live: Live, commands: Commands) -> None:
    await commands.park("a", "b", reason="no such tenant", attempts=3)
    done = await commands.run("list", "work", "--json")
    assert (done.code, done.ids) == (0, ["a", "b"])
    told = done.lines[0]
    assert (told["reason"], told["exception"], told["attempts"]) == ("no such tenant", "ValueError", 3)
    assert (told["queue"], told["number"], told["size"]) == (live.name("work"), 1, 9)
    table = await commands.run("list", "work.parked")
    assert (table.code, "no such tenant" in table.out) == (0, True)
    assert f"{live.name('work.parked')}: 2 messages, 2 shown" in table.err


async def test_however_often_one_looks_everything_stays_in_its_order(commands: Commands, live: Live) -> None:
    names = [f"m{number:03}" for number in range(250)]  # more than a window takes
    await commands.park(*names)
    connection = await live.broker.connect()
    for _ in range(22):  # more often than RabbitMQ's own delivery limit allows
        async with walking(connection, live.name("work.parked"), len(names)) as walk:
            assert [seen.message.message_id async for seen in walk] == names
    await connection.close()
    assert (await commands.run("list", "work", "--json")).ids == names


async def test_a_list_of_many_shows_the_first_and_says_how_many_it_left(commands: Commands) -> None:
    await commands.park(*(f"m{number}" for number in range(150)))
    done = await commands.run("list", "work")
    assert "150 messages, 100 shown, 50 not looked at" in done.err
    done = await commands.run("list", "work", "--limit", "3", "--json")
    assert (done.ids, "147 not looked at" in done.err) == (["m0", "m1", "m2"], True)


@pytest.mark.parametrize(
    ("flags", "ids"),
    [
        (["--id", "a", "--id", "c"], ["a", "c"]),
        (["--reason", "TENANT"], ["b"]),
        (["--exception", "ValueError", "--min-attempts", "5"], ["c"]),
        (["--since", "2024-05-07"], []),
        (["--until", "2024-05-07", "--limit", "2"], ["a", "b"]),
        (["--since", "1h"], []),
    ],
)
async def test_a_filter_shows_only_what_is_asked_for(commands: Commands, flags: list[str], ids: list[str]) -> None:
    await commands.park("a")
    await commands.park("b", reason="no such tenant")
    await commands.park("c", attempts=5)
    assert (await commands.run("list", "work", "--json", *flags)).ids == ids


async def test_show_shows_a_message_whole(commands: Commands) -> None:
    await commands.park("a", "b", reason="no such tenant")
    done = await commands.run("show", "work", "--id", "b")
    assert done.code == 0
    for told in ("---- message 2: b ----", "tenant                 a", "ValueError: no such tenant", '  "id": 1'):
        assert told in done.out
    assert "message 1" not in done.out


async def test_an_empty_queue_is_no_error(commands: Commands, live: Live) -> None:
    await commands.park()
    for command in ("list", "show", "replay", "drop"):
        done = await commands.run(command, "work")
        assert (done.code, f"{live.name('work.parked')}: 0 " in done.out + done.err) == (0, True), done.err


async def test_a_queue_that_is_not_there_is_told_with_exit_code_2(commands: Commands, live: Live) -> None:
    done = await commands.run("list", "wrok")
    assert done.code == 2
    assert f"there is no parking queue {live.name('wrok.parked')!r}" in done.err


async def test_what_rabbitmq_itself_dead_lettered_is_told_and_can_be_replayed(live: Live, commands: Commands) -> None:
    await commands.park()
    await live.put("work", properties=spec.Basic.Properties(message_id="late", expiration="1"))
    await commands.until(1, "work.parked")
    done = await commands.run("list", "work", "--json")
    assert (done.ids, done.lines[0]["queue"]) == (["late"], live.name("work"))
    assert done.lines[0]["reason"] == "dead-lettered by RabbitMQ: expired"
    assert (await commands.run("replay", "work")).code == 0
    assert await commands.taken("work") == ["late"]


async def test_a_foreign_parking_queue_that_looks_can_empty_is_warned_of(live: Live, commands: Commands) -> None:
    await live.declare("work.parked")
    tools = live.broker.tools()
    facts = await tools.facts(live.name("work.parked"))
    await tools.close()
    done = await commands.run("list", "work")
    assert ("was not declared by Lastcall" in done.err) is (facts.delivery_limit == 20 and not facts.nack_is_free)


async def test_what_a_worker_parks_is_replayed_to_its_mended_successor(live: Live, commands: Commands) -> None:
    broken, mended = live.worker(concurrency=1), live.worker(concurrency=1)
    attempts: list[int] = []

    @broken.worker.handler("work")
    async def fail(_order: dict[str, int]) -> None:
        raise ValueError("no such tenant")

    @mended.worker.handler("work")
    async def work(order: dict[str, int], delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        assert order == {"id": 7}

    await broken.consuming()
    await live.put("work", b'{"id": 7}', spec.Basic.Properties(message_id="a", content_type="application/json"))
    await broken.told("settled")
    await broken.drained()
    assert (await commands.run("list", "work", "--json", "--exception", "ValueError")).ids == ["a"]
    replayed = await commands.run("replay", "work")
    assert (replayed.code, "1 moved, 0 left" in replayed.out) == (0, True)
    await mended.consuming()
    await mended.told("settled", message_id="a")
    await mended.drained()
    assert (attempts, await live.depth("work"), await live.depth("work.parked")) == ([1], 0, 0)
