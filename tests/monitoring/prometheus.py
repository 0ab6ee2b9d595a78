"""A real Prometheus on loopback: it scrapes the workers of these tests, evaluates the kept rules, and is asked.

May know: its program, its configuration, its HTTP API. May not know: which rules and panels there are.
"""

import asyncio
import json
import random
import shutil
import socket
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from tests.inbox.servers import Server, StoreMissingError
from tests.monitoring.promtool import MISSING

PATIENCE = 30.0
"""Seconds to wait for what must come; a Prometheus looks at its targets five seconds after its start."""
TICK = 0.05
"""Seconds between two questions: it tells nobody when it has scraped."""
OFTEN = "100ms"
WORKERS = 3
"""At once, of those that it scrapes."""

Sample = dict[str, Any]


class Prometheus(Server):
    """It scrapes `ports`: a worker that answers there is one of its targets. Alerts fire without waiting (`for`)."""

    ready = "server is ready to receive web requests"

    def __init__(self, rules: dict[str, Any]) -> None:
        if shutil.which("prometheus") is None:
            raise StoreMissingError(MISSING)
        super().__init__()
        self.ports = free_ports(WORKERS)
        at_once = [{**rule, "for": "0s"} for rule in rules["groups"][0]["rules"]]
        (self.directory / "rules.json").write_text(json.dumps({"groups": [{"name": "tests", "rules": at_once}]}))
        (self.directory / "prometheus.json").write_text(json.dumps(self._configuration()))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        return [
            "prometheus",
            f"--config.file={self.directory / 'prometheus.json'}",
            f"--storage.tsdb.path={self.directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]

    async def ask(self, path: str, **parameters: str) -> Any:
        """What the API answers; of an error, its text."""
        return await asyncio.to_thread(self._ask, f"{self.url}/api/v1/{path}?{urlencode(parameters)}")

    async def query(self, expression: str) -> list[Sample]:
        """The series that answer to it now."""
        found: list[Sample] = (await self.ask("query", query=expression))["result"]
        return found

    async def until_it_sees(self, expression: str) -> None:
        """Until something answers to this."""

        async def answered() -> bool:
            return bool(await self.query(expression))

        await until(answered, expression)

    async def until_firing(self, alert: str, **labels: str) -> Sample:
        """The alert, as soon as it fires."""
        fired: list[Sample] = []

        async def fires() -> bool:
            told = (await self.ask("alerts"))["alerts"]
            wanted = {"alertname": alert, **labels}.items()
            fired[:] = [each for each in told if each["state"] == "firing" and wanted <= each["labels"].items()]
            return bool(fired)

        await until(fires, f"{alert} about {labels}")
        return fired[0]

    def _ask(self, url: str) -> Any:
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{url}: {refused.read().decode()}") from None

    def _configuration(self) -> dict[str, Any]:
        targets = [
            {"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": "tests", "pod": f"pod-{number}"}}
            for number, port in enumerate(self.ports)
        ]
        return {
            "global": {"scrape_interval": OFTEN, "evaluation_interval": OFTEN},
            "rule_files": ["rules.json"],
            "scrape_configs": [{"job_name": "lastcall", "static_configs": targets}],
        }


async def until(asked: Callable[[], Awaitable[bool]], what: str) -> None:
    """Return once it is so."""
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while not await asked():  # noqa: ASYNC110 - see TICK
                await asyncio.sleep(TICK)
            return
    raise AssertionError(f"not within {PATIENCE:.0f} s: {what}")


def free_ports(count: int) -> list[int]:
    """Below those that systems give out by themselves."""
    found: list[int] = []
    for port in random.sample(range(20_000, 30_000), 200):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("two hundred ports are taken")
