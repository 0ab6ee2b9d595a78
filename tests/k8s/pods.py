"""The pods of a namespace as the API server tells of them, change by change.

May know: kubectl's watch, a pod's status. May not know: messages, what a test promises.
"""

import asyncio
import json
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from consumer.observe.deletion_cost import ANNOTATION

PATIENCE = 120.0
"""Seconds to wait for what must come, on a machine that runs a cluster beside it."""


class Pod:
    """One state of a pod."""

    def __init__(self, resource: dict[str, Any]) -> None:
        self._resource = resource

    @property
    def name(self) -> str:
        return str(self._resource["metadata"]["name"])

    @property
    def node(self) -> str:
        return str(self._resource["spec"].get("nodeName", ""))

    @property
    def deleted(self) -> bool:
        """Whether its deletion was asked for."""
        return "deletionTimestamp" in self._resource["metadata"]

    @property
    def deletion_cost(self) -> str | None:
        """What its worker has told; None: nothing."""
        told: dict[str, str] = self._resource["metadata"].get("annotations", {})
        return told.get(ANNOTATION)

    @property
    def ready(self) -> bool:
        conditions = self._resource["status"].get("conditions", [])
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    @property
    def restarts(self) -> int:
        return int(self._container.get("restartCount", 0))

    @property
    def running(self) -> bool:
        return "running" in self._container.get("state", {})

    @property
    def waits_for(self) -> str:
        """Why its container does not run: CrashLoopBackOff, say."""
        return str(self._container.get("state", {}).get("waiting", {}).get("reason", ""))

    @property
    def _container(self) -> dict[str, Any]:
        found: dict[str, Any] = (self._resource["status"].get("containerStatuses") or [{}])[0]
        return found


class Pods:
    """All pods of a namespace, those that are gone too: every state that each was seen in, and how many were ready."""

    def __init__(self) -> None:
        self.seen: dict[str, list[Pod]] = {}
        self.ready_counts: list[int] = []
        self._gone: set[str] = set()
        self._news = asyncio.Condition()

    @classmethod
    @asynccontextmanager
    async def watched(cls, kubectl: Sequence[str]) -> AsyncIterator[Self]:
        """Follow them for as long as the block lasts."""
        pods = cls()
        watch = ["get", "pods", "--watch", "--output-watch-events", "--output", "json"]
        child = await asyncio.create_subprocess_exec(*kubectl, *watch, stdout=PIPE, limit=1 << 20)
        assert child.stdout is not None
        following = asyncio.create_task(pods._follow(child.stdout))
        try:
            yield pods
        finally:
            child.terminate()
            await child.wait()
            await following

    @property
    def here(self) -> list[Pod]:
        """The latest state of each that is not gone."""
        return [states[-1] for name, states in self.seen.items() if name not in self._gone]

    @property
    def gone(self) -> set[str]:
        """Those that have run, and that the API server has removed."""
        return {name for name in self._gone if any(pod.running for pod in self.seen[name])}

    def ready(self) -> list[Pod]:
        """Those that are ready and to stay."""
        return [pod for pod in self.here if pod.ready and not pod.deleted]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when a change makes it true."""
        try:
            async with asyncio.timeout(PATIENCE), self._news:
                await self._news.wait_for(condition)
        except TimeoutError:
            told = [(pod.name, pod.ready, pod.deleted, pod.restarts, pod.waits_for) for pod in self.here]
            raise AssertionError(f"not within {PATIENCE:.0f} s; the pods (ready, deleted, restarts): {told}") from None

    async def until_ready(self, count: int) -> None:
        """Until so many are ready, and no others are here that are to stay."""
        await self.until(lambda: len(self.ready()) == count == len([each for each in self.here if not each.deleted]))

    async def until_deleted(self, name: str) -> None:
        """Until its deletion was asked for."""
        await self.until(lambda: self.seen[name][-1].deleted)

    async def until_gone(self, name: str) -> None:
        """Until the API server has removed it."""
        await self.until(lambda: name in self._gone)

    async def _follow(self, stream: asyncio.StreamReader) -> None:
        async for line in stream:  # an event each
            event = json.loads(line)
            await self._take(event["type"], Pod(event["object"]))

    async def _take(self, kind: str, pod: Pod) -> None:
        self.seen.setdefault(pod.name, []).append(pod)
        if kind == "DELETED":
            self._gone.add(pod.name)
        self.ready_counts.append(len(self.ready()))
        async with self._news:
            self._news.notify_all()
