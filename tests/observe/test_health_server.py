"""HTTP for probes: whatever is said to it, it answers in bounds, and changes nothing."""

import asyncio
import socket
from contextlib import suppress
from http import HTTPStatus

import pytest

from consumer.errors import ConfigurationError
from consumer.observe import health_server
from consumer.observe.answers import Answer
from tests.engine.stage import Stage, within
from tests.observe.asking import Ports, ask, parsed, say


async def consuming(stage: Stage) -> None:
    stage.handle()
    stage.start()
    await stage.told("consuming")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get"])
@pytest.mark.parametrize("path", ["/livez", "/statusz", "/quit"])
async def test_only_reading_is_answered(stage: Stage, ports: Ports, method: str, path: str) -> None:
    await consuming(stage)
    reply = await ask(ports.last, path, method=method)
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")
    assert (await ask(ports.last, "/readyz")).status == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/startupz", "/statusz", "/metrics"])
async def test_head_has_the_headers_of_get_and_no_body(stage: Stage, ports: Ports, path: str) -> None:
    await consuming(stage)
    reply = await ask(ports.last, path, method="HEAD")
    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["content-length"]) > 0


async def test_another_path_is_told_which_there_are(stage: Stage, ports: Ports) -> None:
    await consuming(stage)
    reply = await ask(ports.last, "/healthz")
    assert reply.status == 404
    assert "/livez /readyz /startupz /statusz /metrics" in reply.text


async def test_a_query_is_no_part_of_the_path(stage: Stage, ports: Ports) -> None:
    await consuming(stage)
    assert (await ask(ports.last, "/livez?verbose=1")).status == 200


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"\r\n\r\n", 400),
        (b"GET /livez\r\n\r\n", 400),
        (b"GET /livez SPDY/3\r\n\r\n", 400),
        (b"\xff\xfe /livez HTTP/1.1\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", 400),
        (b"GET http://[bad HTTP/1.1\r\n\r\n", 404),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", 431),
    ],
)
async def test_what_is_no_request_is_refused(stage: Stage, ports: Ports, said: bytes, status: int) -> None:
    await consuming(stage)
    assert parsed(await say(ports.last, said)).status == status
    assert (await ask(ports.last, "/livez")).status == 200


async def test_who_is_slow_holds_nobody_up_and_is_cut_off(
    stage: Stage, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_server, "PATIENCE", 0.2)
    await consuming(stage)
    reader, writer = await asyncio.open_connection("127.0.0.1", ports.last)
    writer.write(b"GET /livez HTT")
    assert (await ask(ports.last, "/livez")).status == 200
    with suppress(ConnectionResetError):  # closed in good order, or not
        assert await within(reader.read()) == b""
    writer.close()


async def test_more_than_so_many_at_once_are_turned_away(
    stage: Stage, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_server, "MOST_AT_ONCE", 1)
    await consuming(stage)
    reader, writer = await asyncio.open_connection("127.0.0.1", ports.last)
    writer.write(b"GET")
    with pytest.raises((ConnectionError, IndexError)):  # reset, or closed without a word
        await ask(ports.last, "/livez")
    writer.write(b" /livez HTTP/1.1\r\n\r\n")
    assert parsed(await within(reader.read())).status == 200
    writer.close()


async def test_a_port_that_is_taken_stops_the_start_with_its_mend(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        stage.make(health=f"127.0.0.1:{taken.getsockname()[1]}")
        stage.handle()
        stage.put("a")
        with pytest.raises(ConfigurationError, match=r"LASTCALL_HEALTH.*name a free port"):
            await stage.worker.serve()
    assert stage.events == []
    assert stage.ready() == ["a"]
    assert stage.worker.snapshot() is None


async def test_an_answer_that_fails_is_told_and_the_next_one_comes(ports: Ports) -> None:
    def fail(*_: str) -> Answer:
        raise ZeroDivisionError

    server = health_server.HealthServer("127.0.0.1:0", fail)
    server.start()
    try:
        assert [(await ask(server.port, "/livez")).status for _ in range(2)] == [500, 500]
    finally:
        server.stop()


async def test_a_port_alone_is_every_interface() -> None:
    server = health_server.HealthServer("0", lambda *_: Answer(HTTPStatus.OK, b"ok"))
    server.start()
    try:
        assert (await ask(server.port, "/")).body == b"ok"
    finally:
        server.stop()
