"""A real Chromium without a window, told what to do over a pipe (the Chrome DevTools Protocol, in lines that NUL ends).

May know: the program, its protocol. May not know: which page is looked at.
"""

import asyncio
import base64
import fcntl
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 30.0
LONGEST_MESSAGE = 64 * 2**20
_FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
    *("--no-first-run", "--no-default-browser-check", "--disable-background-networking", "--remote-debugging-pipe"),
)
_WITH_PIPES = 'read=$1 write=$2; shift 2; exec "$@" 3<&"$read" 4>&"$write"'
"""A shell script: the protocol's pipes have to be 3 and 4."""
_UNUSED = 10
"""From this file descriptor on nothing gets in the way of 3 and 4."""

Params = dict[str, Any]


def program() -> str | None:
    """The path of a Chromium; None where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Browser:
    """Its calls, answered one by one; what it tells by itself is kept by whose page it is about."""

    def __init__(self, reader: asyncio.StreamReader, write: int) -> None:
        self._reader = reader
        self._write = write
        self._calls = 0
        self._answers: dict[int, asyncio.Future[Params]] = {}
        self._pages: dict[str, Page] = {}

    async def call(self, method: str, session: str | None = None, **params: object) -> Params:
        """What it answers. Raises AssertionError with what it says against it."""
        self._calls += 1
        call = {"id": self._calls, "method": method, "params": params}
        answer = self._answers[self._calls] = asyncio.get_running_loop().create_future()
        os.write(self._write, json.dumps(call | ({"sessionId": session} if session else {})).encode() + b"\0")
        async with asyncio.timeout(PATIENCE):
            told = await answer
        assert "error" not in told, f"{method}: {told}"
        result: Params = told["result"]
        return result

    async def page(self, width: int, height: int) -> "Page":
        """A new one, in a window of this size."""
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = self._pages[attached["sessionId"]] = Page(self, attached["sessionId"])
        await page.call("Page.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        await page.call("Emulation.setDeviceMetricsOverride", **size)
        return page

    async def listen(self) -> None:
        """Until it has ended."""
        while True:
            try:
                message = json.loads((await self._reader.readuntil(b"\0"))[:-1])
            except asyncio.IncompleteReadError:
                return
            if "id" in message:
                self._answers.pop(message["id"]).set_result(message)
            elif message.get("sessionId") in self._pages:
                self._pages[message["sessionId"]].told(message["method"])


class Page:
    """One page. `dialog`: set when a script of its own has opened one (`alert`), and so has run."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session
        self._loaded = asyncio.Event()
        self.dialog = asyncio.Event()

    def told(self, event: str) -> None:
        """The browser tells of it."""
        if event == "Page.loadEventFired":
            self._loaded.set()
        if event == "Page.javascriptDialogOpening":
            self.dialog.set()

    async def call(self, method: str, **params: object) -> Params:
        """See Browser.call."""
        return await self._browser.call(method, self._session, **params)

    async def open(self, url: str) -> None:
        """Return when it and all that belongs to it is loaded."""
        self._loaded.clear()
        opened = await self.call("Page.navigate", url=url)
        assert "errorText" not in opened, opened
        async with asyncio.timeout(PATIENCE):
            await self._loaded.wait()

    async def evaluate(self, expression: str) -> Any:
        """The value of some JavaScript in it, whatever the page itself may run."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def screenshot(self) -> bytes:
        """All of it, as far down as it goes, as a PNG."""
        shot = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])


@asynccontextmanager
async def chromium(path: str, directory: Path) -> AsyncIterator[Browser]:
    """Run it meanwhile, with a profile of its own."""
    (its_end, our_write), (our_read, its_write) = (_pipe(), _pipe())
    child = await asyncio.create_subprocess_exec(
        *("bash", "-c", _WITH_PIPES, "chromium", str(its_end), str(its_write)),
        *(path, *_FLAGS, f"--user-data-dir={directory / 'profile'}", "about:blank"),
        pass_fds=(its_end, its_write),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "HOME": str(directory)},
    )
    os.close(its_end)
    os.close(its_write)
    reader = asyncio.StreamReader(LONGEST_MESSAGE)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(our_read, "rb"))
    browser = Browser(reader, our_write)
    listening = asyncio.create_task(browser.listen())
    try:
        yield browser
        await browser.call("Browser.close")
    finally:
        os.close(our_write)
        async with asyncio.timeout(PATIENCE):
            await child.wait()
            await listening
        transport.close()


def _pipe() -> tuple[int, int]:
    read, write = os.pipe()
    ends = fcntl.fcntl(read, fcntl.F_DUPFD_CLOEXEC, _UNUSED), fcntl.fcntl(write, fcntl.F_DUPFD_CLOEXEC, _UNUSED)
    os.close(read)
    os.close(write)
    return ends
