"""Looks at workers: asks their /statusz, all of them at once, and waits for none longer than for so many seconds.

May know: addresses, HTTP as the standard library reads it, the notes that workers leave. May not know: terminals.
"""

import asyncio
import io
import json
import socket
import ssl
from collections.abc import Iterable, Sequence
from http.client import HTTPException, HTTPResponse
from typing import IO
from urllib.parse import SplitResult, urlsplit

from pydantic import ValidationError

from consumer.cli.top_status import Look, Status
from consumer.errors import ConfigurationError
from consumer.observe import whereabouts

LARGEST = 4_000_000
"""Bytes of an answer."""
PORTS = {"http": 80, "https": 443}
NO_STATUS = "something answers there that is no worker's /statusz"


class Address:
    """Where a worker's status is asked for: `8080`, `host:8080`, `http://host:8080`, or a URL with a path of its own.

    Raises ConfigurationError when it is none of these.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        url, port = _parts(text)
        if url.scheme not in PORTS or not url.hostname or url.username is not None:
            raise _no_address(text)
        if port is None and "://" not in text:
            raise _no_address(text)
        self.host = url.hostname
        self.port = port or PORTS[url.scheme]
        self.tls = ssl.create_default_context() if url.scheme == "https" else None
        path = url.path if url.path.strip("/") else "/statusz"
        self.request = (
            f"GET {path}?format=json HTTP/1.1\r\nHost: {url.netloc}\r\nAccept: application/json\r\n"
            "Connection: close\r\n\r\n"
        ).encode()


async def at_addresses(addresses: Sequence[Address], timeout: float) -> list[Look]:
    """A look at each of them."""
    return await asyncio.gather(*(_look(each, timeout) for each in addresses))


async def on_this_host(timeout: float) -> list[Look]:
    """A look at each of this user's workers on this machine that answer for their health, wherever they do."""
    notes = await asyncio.to_thread(whereabouts.found)
    looks = await at_addresses([Address(note.address) for note in notes], timeout)
    return [look for note, look in zip(notes, looks, strict=True) if look.status is None or look.status.pid == note.pid]


async def _look(address: Address, timeout: float) -> Look:
    try:
        async with asyncio.timeout(timeout):
            answer = await _asked(address)
        return Look(address.text, status=_read(answer))
    except TimeoutError:
        problem = f"no answer within {timeout:g} s: it is stopped or overloaded, or the way there is blocked"
    except ConnectionRefusedError:
        problem = "nothing listens there: the worker has ended, or answers elsewhere (--health)"
    except socket.gaierror as error:
        problem = f"there is no host of that name ({error.strerror})"
    except OSError as error:
        problem = f"it can't be reached: {error.strerror or error}"
    except (ValueError, HTTPException) as error:
        problem = f"{NO_STATUS}: {error}" if isinstance(error, _UnfitError) else NO_STATUS
    return Look(address.text, problem=problem)


async def _asked(address: Address) -> bytes:
    reader, writer = await asyncio.open_connection(address.host, address.port, ssl=address.tls, limit=LARGEST)
    try:
        writer.write(address.request)
        answer = bytearray()
        while chunk := await reader.read(65_536):
            answer += chunk
            if len(answer) > LARGEST:
                raise _UnfitError("it does not end")
        return bytes(answer)
    finally:
        writer.transport.abort()


def _read(answer: bytes) -> Status:
    """Raises ValueError or HTTPException when it is no status."""
    response = HTTPResponse(_Received(answer))  # type: ignore[arg-type]  # it takes no more of a socket than that
    response.begin()
    if response.status != 200:
        raise _UnfitError(f"HTTP {response.status}")
    try:
        return Status.model_validate_json(_in_unicode(response.read()))
    except (ValidationError, RecursionError):
        raise _UnfitError("a text of another form") from None


def _in_unicode(text: bytes) -> bytes:
    """A message id may be half a character, which is JSON, and which no UTF-8 holds."""
    return json.dumps(json.loads(text), ensure_ascii=False).encode(errors="replace")


class _UnfitError(ValueError):
    """What was answered is no status; says why in words of ours."""


class _Received:
    """What was received, for who wants to read it from a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> IO[bytes]:
        return io.BytesIO(self._data)


def addresses(texts: Iterable[str]) -> list[Address]:
    """Each once. Raises ConfigurationError when one of them is none."""
    return [Address(text) for text in dict.fromkeys(texts)]


def _parts(text: str) -> tuple[SplitResult, int | None]:
    bare = f"127.0.0.1:{text}" if text.isascii() and text.isdecimal() else text
    try:
        return (url := urlsplit(bare if "://" in bare else f"http://{bare}")), url.port
    except ValueError:
        raise _no_address(text) from None


def _no_address(text: str) -> ConfigurationError:
    shown = text.rpartition("@")[2]  # no password is shown
    return ConfigurationError(
        f"{shown!r} is no address of a worker: name a port (8080), a host and a port (worker-1:8080), or a URL "
        "(http://worker-1:8080) without a password."
    )
