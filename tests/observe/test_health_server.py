"""HTTP for probes: whatever is said to it, it answers in bounds, and changes nothing."""

import asyncio
import errno
import os
import socket
import subprocess
import sys
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import pytest

from consumer.errors import ConfigurationError
from consumer.observe import health_server
from consumer.observe.answers import Answer
from tests.engine.stage import Stage, within
from tests.observe.asking import Ports, ask, parsed, say, statuses


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
        (b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n\r\n", 431),  # more than the kernel keeps for who does not read
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


async def test_of_more_than_so_many_at_once_the_longest_silent_one_goes(
    stage: Stage, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_server, "MOST_AT_ONCE", 2)
    await consuming(stage)
    first, second = [await asyncio.open_connection("127.0.0.1", ports.last) for _ in range(2)]
    second[1].write(b"GET")
    assert (await ask(ports.last, "/livez")).status == 200
    with suppress(ConnectionResetError):
        assert await within(first[0].read()) == b""
    second[1].write(b" /livez HTTP/1.1\r\n\r\n")
    assert parsed(await within(second[0].read())).status == 200
    for _, writer in (first, second):
        writer.close()


async def test_any_number_of_silent_connections_leaves_the_probes_answered(stage: Stage, ports: Ports) -> None:
    await consuming(stage)
    silent = [await asyncio.open_connection("127.0.0.1", ports.last) for _ in range(health_server.MOST_AT_ONCE + 6)]
    assert await statuses(ports.last) == (200, 200, 200)
    for _, writer in silent:
        writer.close()


async def test_where_all_have_asked_and_do_not_read_the_newest_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_server, "MOST_AT_ONCE", 1)
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def much(*_: str) -> Answer:
        loop.call_soon_threadsafe(asked.set)
        return Answer(HTTPStatus.OK, b"x" * 50_000_000)  # more than the kernel keeps for who does not read

    server = health_server.HealthServer("127.0.0.1:0", much)
    server.start()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await within(asked.wait())
        with pytest.raises((ConnectionError, IndexError)):  # reset, or closed without a word
            await ask(server.port, "/")
        assert len(parsed(await within(reader.read())).body) == 50_000_000
        writer.close()
    finally:
        server.stop()


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


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
async def test_a_port_alone_that_is_taken_on_ipv6_is_taken() -> None:
    with (
        socket.create_server(("::", 0), family=socket.AF_INET6) as taken,
        pytest.raises(ConfigurationError, match="name a free port"),
    ):
        health_server.HealthServer(str(taken.getsockname()[1]), lambda *_: Answer(HTTPStatus.OK, b""))


@pytest.mark.parametrize("number", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
async def test_without_ipv6_a_port_alone_is_every_interface_of_ipv4(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    create = socket.create_server

    def without_ipv6(*arguments: Any, **options: Any) -> socket.socket:
        if options["family"] is socket.AF_INET6:
            raise OSError(number, "no IPv6 here")
        return create(*arguments, **options)

    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: True)
    monkeypatch.setattr(socket, "create_server", without_ipv6)
    server = health_server.HealthServer("0", lambda *_: Answer(HTTPStatus.OK, b"ok"))
    server.start()
    try:
        assert (await ask(server.port, "/")).body == b"ok"
    finally:
        server.stop()


STOPPED = """
import asyncio, logging, os, socket, sys, warnings
from http import HTTPStatus
from consumer.observe.answers import Answer
from consumer.observe.health_server import HealthServer
logging.basicConfig()
server = HealthServer("127.0.0.1:0", lambda *_: Answer(HTTPStatus.OK, b"ok"))
port = server.port
server.start()
def connected():
    return socket.create_connection(("127.0.0.1", port), timeout=5)
def gone(silent):
    try:
        assert silent.recv(1) == b""
    except ConnectionResetError:
        pass
def answered():
    with connected() as asking:
        asking.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n")
        return b"".join(iter(lambda: asking.recv(4096), b""))
"""


def after(program: str) -> str:
    """What such a program writes, on either stream."""
    command = [sys.executable, "-W", "ignore", "-c", STOPPED + program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    return done.stdout + done.stderr


def test_a_connection_that_is_open_at_the_stop_is_closed_without_a_word() -> None:
    program = "silent = connected()\nassert answered()\nserver.stop()\ngone(silent)\nprint('quietly')"
    assert after(program) == "quietly\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_that_was_forked_meanwhile_does_not_keep_the_port_open() -> None:
    program = """
assert answered()
ends, end = os.pipe()
if os.fork() == 0:
    os.close(end)
    os.read(ends, 1)
    os._exit(0)
server.stop()
try:
    connected()
except ConnectionRefusedError:
    print("refused")
HealthServer(f"127.0.0.1:{port}", None)
print("free")
"""
    assert after(program) == "refused\nfree\n"
