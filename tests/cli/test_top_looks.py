"""Looks at workers: all are asked at once, and whatever is wrong with one is told of that one alone, with its cause."""

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from consumer.cli.top_looks import LARGEST, Address, addresses, at_addresses, on_this_host
from consumer.cli.top_status import Look
from consumer.errors import ConfigurationError
from consumer.observe.whereabouts import told as noted

from .statuses import delivery, told

PATIENCE = 20.0
SHORT = 0.1
"""Seconds to wait for what never comes."""

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def answering(answer: Answer, asked: list[bytes] | None = None) -> AsyncIterator[str]:
    """Something that listens, and answers so; its address."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if asked is not None:
            asked.append(head)
        try:
            await answer(writer)
            writer.close()
        except ConnectionError:
            writer.transport.abort()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


def saying(body: bytes, head: bytes = b"HTTP/1.1 200 OK") -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head + b"\r\nConnection: close\r\n\r\n" + body)
        await writer.drain()

    return answer


def status(**facts: object) -> Answer:
    return saying(json.dumps(told(**facts)).encode())


async def look(address: str, timeout: float = PATIENCE) -> Look:
    [only] = await at_addresses([Address(address)], timeout)
    return only


async def test_a_worker_answers_with_its_status() -> None:
    asked: list[bytes] = []
    async with answering(status(in_flight=[delivery("order-1")]), asked) as address:
        seen = await look(f"http://{address}")

    assert seen.status is not None
    assert (seen.status.pid, seen.status.in_flight[0].message_id, seen.problem) == (4711, "order-1", None)
    assert asked[0].startswith(b"GET /statusz?format=json HTTP/1.1\r\nHost: 127.0.0.1:")


async def test_a_worker_behind_a_proxy_has_a_path_of_its_own() -> None:
    asked: list[bytes] = []
    async with answering(status(), asked) as address:
        await look(f"http://{address}/worker-2/statusz")

    assert asked[0].startswith(b"GET /worker-2/statusz?format=json ")


async def test_all_are_asked_at_once() -> None:
    all_asked = asyncio.Barrier(3)

    async def answer(writer: asyncio.StreamWriter) -> None:
        await all_asked.wait()
        await status()(writer)

    async with answering(answer) as one, answering(answer) as two, answering(answer) as three:
        looks = await at_addresses(addresses([one, two, three]), PATIENCE)

    assert [each.problem for each in looks] == [None] * 3


async def test_one_that_does_not_answer_is_waited_for_no_longer_than_the_timeout() -> None:
    gone = asyncio.Event()

    async def never(writer: asyncio.StreamWriter) -> None:
        await gone.wait()

    async with answering(never) as silent:
        seen = await look(silent, SHORT)
        gone.set()

    assert seen.problem == "no answer within 0.1 s: it is stopped or overloaded, or the way there is blocked"


async def test_one_that_answers_without_end_is_read_no_further_than_a_status_may_be_long() -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(bytes(100_000))
            await writer.drain()

    async with answering(endless) as address:
        seen = await look(address)

    assert seen.problem == "something answers there that is no worker's /statusz: it does not end"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (saying(b"ok\n"), ""),
        (saying(b"{}"), ": a text of another form"),
        (saying(b"[" * 100_000), ": a text of another form"),
        (saying(json.dumps(told(uptime=-1.0)).encode()), ": a text of another form"),
        (saying(json.dumps(told(uptime=float("nan"))).encode()), ": a text of another form"),
        (saying(b"", b"HTTP/1.1 404 Not Found"), ": HTTP 404"),
        (saying(b"", b"220 mail.example ESMTP"), ""),
        (saying(b"\x00\xff", b"HTTP/1.1 200 OK\r\nContent-Length: 100"), ""),
        (saying(b""), ""),
    ],
)
async def test_what_is_no_status_is_told_as_such(answer: Answer, why: str) -> None:
    async with answering(answer) as address:
        assert await look(address) == Look(
            address, problem=f"something answers there that is no worker's /statusz{why}"
        )


async def test_half_a_character_in_a_message_id_hides_nobody() -> None:
    async with answering(status(in_flight=[delivery("a\ud800b")])) as address:
        seen = await look(address)

    assert seen.status is not None
    assert seen.status.in_flight[0].message_id == "a?b"


async def test_an_older_workers_missing_and_a_newer_ones_further_facts_are_no_problem() -> None:
    facts = {name: fact for name, fact in told().items() if name not in {"shielded", "in_flight_not_shown", "drain"}}
    async with answering(saying(json.dumps({**facts, "mood": "good"}).encode())) as address:
        assert (await look(address)).problem is None


async def test_nobody_there_is_told_with_its_cause() -> None:
    async with answering(status()) as address:
        pass
    assert (await look(address)).problem == (
        "nothing listens there: the worker has ended, or answers elsewhere (--health)"
    )


async def test_a_worker_of_this_host_is_the_one_that_left_the_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    async with answering(status(pid=os.getpid())) as ours, answering(status(pid=1)) as anothers:
        ports = [int(each.rpartition(":")[2]) for each in (ours, anothers)]
        with noted("127.0.0.1:0", ports[0]), noted("127.0.0.1:0", ports[1]):
            assert [each.address for each in await on_this_host(PATIENCE)] == [ours]


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("8080", "127.0.0.1", 8080),
        ("worker-1:8080", "worker-1", 8080),
        ("[::1]:8080", "::1", 8080),
        ("http://worker-1", "worker-1", 80),
        ("https://worker-1/", "worker-1", 443),
    ],
)
def test_an_address_is_a_port_or_a_host_with_one_or_a_url(text: str, host: str, port: int) -> None:
    address = Address(text)

    assert (address.host, address.port) == (host, port)
    assert address.request.startswith(b"GET /statusz?format=json ")


@pytest.mark.parametrize(
    "text", ["", "worker-1", ":8080", "a:99999", "ftp://a:1", "http://u:secret@a:1", "http://[::1"]
)
def test_what_is_no_address_is_refused_with_the_mend_and_without_its_password(text: str) -> None:
    with pytest.raises(ConfigurationError, match="name a port") as refused:
        Address(text)
    assert "secret" not in str(refused.value)


def test_an_address_given_twice_is_asked_once() -> None:
    assert [each.text for each in addresses(["1", "2", "1"])] == ["1", "2"]


def test_no_answer_is_larger_than_a_worker_with_very_long_ids_would_give() -> None:
    longest = [delivery("i" * 255) for _ in range(200)]
    assert len(json.dumps(told(in_flight=longest))) < LARGEST
