"""`lastcall parked replay|drop` on a real RabbitMQ: however they end, every message is in one of the two queues."""

import os
import signal
from collections import Counter

import pytest
from yarl import URL

from tests.broker.live import Live
from tests.broker.parked_command import Commands
from tests.process.wires import Wire

pytestmark = [pytest.mark.broker, pytest.mark.process]


def numbered(count: int) -> list[str]:
    return [f"m{number:03}" for number in range(count)]


async def test_a_dry_run_tells_what_would_be_done_and_changes_nothing(live: Live, commands: Commands) -> None:
    await commands.park("a", "b", "c")
    for command, verb in (("replay", "moved"), ("drop", "dropped")):
        done = await commands.run(command, "work", "--dry-run", "--id", "b")
        assert (done.code, f"1 would be {verb}, 2 skipped, nothing was changed" in done.out) == (0, True), done.err
    assert (await live.depth("work"), await commands.taken("work.parked")) == (0, ["a", "b", "c"])


async def test_a_filtered_replay_leaves_the_others_in_their_order(live: Live, commands: Commands) -> None:
    await commands.park("a", "b", "c", "d")
    done = await commands.run("replay", "work", "--id", "b", "--id", "d")
    assert (done.code, "2 moved, 2 skipped, 2 left" in done.out) == (0, True)
    assert await commands.taken("work") == ["b", "d"]
    assert await commands.taken("work.parked") == ["a", "c"]


async def test_a_replay_can_be_sent_elsewhere(live: Live, commands: Commands) -> None:
    await commands.park("a")
    await live.declare("aside")
    assert (await commands.run("replay", "work", "--to", "aside")).code == 0
    assert await commands.taken("aside") == ["a"]
    wrong = await commands.run("replay", "work", "--to", "nowhere")
    assert (wrong.code, "there is no queue" in wrong.err) == (2, True)
    assert (await commands.run("replay", "work", "--to", "work.parked")).code == 2


async def test_what_cannot_be_routed_stays_parked_and_is_told(live: Live, commands: Commands) -> None:
    await commands.park("a", "b")
    await live.delete("work")
    done = await commands.run("replay", "work")
    assert (done.code, "0 moved, 2 could not be" in done.out) == (1, True)
    assert "a stays parked:" in done.err
    assert "no queue takes it" in done.err
    assert await commands.taken("work.parked") == ["a", "b"]


async def test_a_replay_killed_between_confirm_and_ack_loses_nothing(live: Live, commands: Commands) -> None:
    await commands.park("a")
    await commands.killed_at_ack(1, "replay", "work")
    await commands.until(2, "work", "work.parked")
    assert (await commands.taken("work"), await commands.taken("work.parked")) == (["a"], ["a"])


async def test_a_replay_killed_midway_loses_nothing_and_duplicates_one_at_most(commands: Commands) -> None:
    names = numbered(300)
    await commands.park(*names)
    await commands.killed_at_ack(123, "replay", "work")
    await commands.until(len(names), "work", "work.parked")
    found = Counter(await commands.taken("work")) + Counter(await commands.taken("work.parked"))
    assert set(found) == set(names)
    assert sum(found.values()) <= len(names) + 2, "the one that was not acked, and one whose ack was not written yet"


async def test_a_replay_killed_from_outside_loses_nothing(live: Live, commands: Commands) -> None:
    names = numbered(200)
    await commands.park(*names)
    process = await commands.start("replay", "work")
    await commands.until(20, "work")
    process.send_signal(signal.SIGKILL)
    await commands.end(process)
    await commands.until(len(names), "work", "work.parked")
    found = Counter(await commands.taken("work")) + Counter(await commands.taken("work.parked"))
    assert set(found) == set(names)
    assert sum(found.values()) <= len(names) + 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_an_interrupted_replay_says_how_far_it_came_and_duplicates_nothing(
    live: Live, commands: Commands, number: signal.Signals, code: int
) -> None:
    names = numbered(60)
    await commands.park(*names)
    process = await commands.start("replay", "work", "--rate", "50")
    await commands.until(5, "work")
    process.send_signal(number)
    done = await commands.end(process)
    moved, left = await commands.taken("work"), await commands.taken("work.parked")
    assert (done.code, moved + left) == (code, names)
    assert f"interrupted; {live.name('work.parked')}: {len(moved)} moved" in done.out
    assert f"{len(left)} left" in done.out


async def test_a_replay_whose_connections_are_cut_says_so_and_loses_nothing(live: Live, commands: Commands) -> None:
    names = numbered(100)
    await commands.park(*names)
    broker = URL(live.url)
    wire = Wire((broker.host or "", broker.port or 5672))
    await wire.connect()
    url = str(broker.with_host("127.0.0.1").with_port(wire.port))
    process = await commands.start("replay", "work", "--rate", "100", LASTCALL_AMQP_URL=url)
    await commands.until(10, "work")
    wire.cut()
    done = await commands.end(process)
    wire.close()
    assert (done.code, "lost while looking at" in done.err, "left" in done.out) == (1, True, True), done.err
    await commands.until(len(names), "work", "work.parked")
    found = Counter(await commands.taken("work")) + Counter(await commands.taken("work.parked"))
    assert set(found) == set(names)
    assert sum(found.values()) <= len(names) + 2


async def test_a_drop_without_a_terminal_asks_for_yes(live: Live, commands: Commands) -> None:
    await commands.park("a", "b", "c")
    refused = await commands.run("drop", "work")
    assert (refused.code, "give --yes" in refused.err) == (2, True)
    done = await commands.run("drop", "work", "--yes", "--limit", "2")
    assert (done.code, "2 dropped, 1 not looked at, 1 left" in done.out) == (0, True)
    assert await commands.taken("work.parked") == ["c"]


async def test_many_are_dropped_for_good(live: Live, commands: Commands) -> None:
    await commands.park(*numbered(500))
    assert "500 dropped, 0 left" in (await commands.run("drop", "work", "--yes")).out
    assert await live.depth("work.parked") == 0


@pytest.mark.parametrize(("answer", "code", "left"), [(b"y\n", 0, 0), (b"n\n", 1, 2)])
async def test_a_drop_asks_first(live: Live, commands: Commands, answer: bytes, code: int, left: int) -> None:
    await commands.park("a", "b")
    ours, theirs = os.openpty()
    process = await commands.start("drop", "work", stdin=theirs)
    os.write(ours, answer)
    done = await commands.end(process)
    os.close(ours)
    os.close(theirs)
    assert (done.code, "drop 2 messages, for good?" in done.out + done.err) == (code, True)
    assert await live.depth("work.parked") == left
