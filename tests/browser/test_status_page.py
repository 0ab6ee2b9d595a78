"""`/statusz` of a real worker in a real browser: hostile message ids are text, and nothing runs sideways out of sight.

Screenshots are left in the test's temporary directory, for a person to look at.
"""

import json
from pathlib import Path
from signal import SIGTERM

import pytest

from tests.browser.chromium import Browser
from tests.process.harness import WorkerProcess, Workers
from tests.process.queues import Jobs
from tests.process.wires import Gate

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "</td></tr></table><h1>taken over</h1>",
    "</title><style>*{display:none}</style>",
    "<!-- <iframe src='javascript:alert(1)'>",
    "&lt;b&gt; &amp; &#60;i&#62;",
    "\u202egnp.exe\u202c",
    "long-" + "x" * 200,
)
OURS = {"HTML", "HEAD", "META", "TITLE", "STYLE", "BODY", "H1", "H2", "P", "TABLE", "TBODY", "TR", "TH", "TD", "DIV"}
"""The elements that the page is made of."""
ELEMENTS = "[...new Set([...document.querySelectorAll('*')].map(each => each.tagName))]"
CELLS = "[...document.querySelectorAll('td')].map(each => each.textContent)"
ATTRIBUTES = "[...new Set([...document.querySelectorAll('*')].flatMap(each => each.getAttributeNames()))]"
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
WIDE, NARROW = (1440, 900), (360, 740)

pytestmark = [pytest.mark.browser, pytest.mark.broker, pytest.mark.process]


async def page_of(worker: WorkerProcess) -> str:
    await worker.until_logged('"event": "health"')
    [told] = [line for line in map(json.loads, worker.log) if line["event"] == "health"]
    return f"http://127.0.0.1:{told['port']}/statusz"


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_hostile_message_ids_are_text(
    workers: Workers, jobs: Jobs, gate: Gate, browser: Browser, tmp_path: Path, size: tuple[int, int]
) -> None:
    worker = await workers.consuming(
        *("--health", "127.0.0.1:0", "--concurrency", "20"), env={"LASTCALL_RETRY_ATTEMPTS": "1"}
    )
    await jobs.publish_as(HOSTILE, "hold")
    await jobs.publish_as(HOSTILE, "what no job does")  # parked: they are among the last warnings
    await worker.until("started", 2 * len(HOSTILE))
    await worker.until("parked", len(HOSTILE))
    worker.signal(SIGTERM)
    await worker.until("drain_started")

    page = await browser.page(*size)
    await page.open(await page_of(worker))
    (tmp_path / f"statusz-{size[0]}.png").write_bytes(await page.screenshot())

    cells = await page.evaluate(CELLS)
    assert {each: cells.count(each) for each in HOSTILE} == dict.fromkeys(HOSTILE, 2)
    assert jobs.queue.name in cells
    assert {*await page.evaluate(ELEMENTS)} <= OURS
    assert {*await page.evaluate(ATTRIBUTES)} <= {"lang", "charset", "name", "content", "scope", "class"}
    assert not page.dialog.is_set()
    assert await page.evaluate(SIDEWAYS) <= 0
    gate.open()
    assert await worker.exit() == 0


async def test_the_same_ids_unescaped_would_have_been_noticed(browser: Browser) -> None:
    page = await browser.page(*WIDE)
    await page.evaluate(f"document.body.innerHTML = {json.dumps(''.join(HOSTILE))}")
    await page.dialog.wait()
    await page.call("Page.handleJavaScriptDialog", accept=True)

    assert not {*await page.evaluate(ELEMENTS)} <= OURS
