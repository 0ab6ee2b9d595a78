"""Who uses the trio host in a wrong way is told what is wrong, and what to do."""

import asyncio
import sys

import pytest
import trio

from consumer import ConfigurationError
from tests.hosts.trio_stage import TrioStage, in_trio, trio_asyncio_at_work


@in_trio
async def test_a_worker_without_a_handler_says_so_in_trio_too(trio_stage: TrioStage) -> None:
    with pytest.raises(ConfigurationError, match="no handler"):
        await trio_stage.worker.serve_trio()


def test_a_worker_with_a_handler_for_trio_says_so_to_whoever_starts_it_otherwise(
    trio_stage: TrioStage, caplog: pytest.LogCaptureFixture
) -> None:
    @trio_stage.worker.handler("orders", executor="trio")
    async def work() -> None: ...

    with pytest.raises(ConfigurationError, match=r"'work' has executor='trio'.*trio\.run\(worker\.serve_trio\)"):
        asyncio.run(trio_stage.worker.serve())
    assert trio_stage.worker.run() == 2
    assert "trio.run(worker.serve_trio)" in caplog.text


async def test_serve_trio_outside_of_trio_says_where_it_belongs(trio_stage: TrioStage) -> None:
    with pytest.raises(ConfigurationError, match=r"runs in trio.*await worker\.serve\(\)"):
        await trio_stage.worker.serve_trio()


def test_without_trio_asyncio_it_names_the_extra(trio_stage: TrioStage, monkeypatch: pytest.MonkeyPatch) -> None:
    with trio_asyncio_at_work():
        pass  # imported once, so that what is taken away here is all that is missing
    monkeypatch.setitem(sys.modules, "trio_asyncio", None)
    monkeypatch.delitem(sys.modules, "consumer.hosts.trio_life")
    with pytest.raises(ConfigurationError, match=r"needs trio_asyncio.*lastcall\[trio\]"):
        trio.run(trio_stage.worker.serve_trio)


def test_a_plain_function_cannot_be_for_trio(trio_stage: TrioStage) -> None:
    @trio_stage.worker.handler("orders", executor="trio")
    def work() -> None: ...

    with pytest.raises(ConfigurationError, match="'work' is a plain function"):
        _ = trio_stage.worker.handlers


def test_an_executor_that_is_none_is_refused(trio_stage: TrioStage) -> None:
    with pytest.raises(ConfigurationError, match="executor='curio'"):
        trio_stage.worker.handler("orders", executor="curio")(len)  # type: ignore[arg-type]
