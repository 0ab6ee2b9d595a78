"""What the Docker engine that the node runs on tells of signals and exits: all of them, and to the nanosecond.

May know: `docker events`, the labels that a kubelet gives its containers. May not know: what a test promises.

Kubernetes itself may be silent about how a container ended: a kubelet that is slow takes a deleted pod away without.
"""

import asyncio
import json
from asyncio.subprocess import PIPE
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Self

PATIENCE = 120.0
"""Seconds to wait for an exit that must come."""
POD, WORKER = "io.kubernetes.pod.name", "io.kubernetes.container.name=worker"


class Exits:
    """The ends of a namespace's workers: `codes` by pod; `took`, seconds from each SIGTERM to its exit."""

    def __init__(self) -> None:
        self.codes: defaultdict[str, set[int]] = defaultdict(set)
        self.took: list[float] = []
        self._signalled: dict[str, int] = {}
        self._news = asyncio.Condition()

    @classmethod
    @asynccontextmanager
    async def watched(cls, namespace: str) -> AsyncIterator[Self]:
        """Follow them for as long as the block lasts."""
        exits = cls()
        ours = [f"--filter=label={label}" for label in (f"io.kubernetes.pod.namespace={namespace}", WORKER)]
        child = await asyncio.create_subprocess_exec("docker", "events", *ours, "--format={{json .}}", stdout=PIPE)
        assert child.stdout is not None
        following = asyncio.create_task(exits._follow(child.stdout))
        try:
            yield exits
        finally:
            child.terminate()
            await child.wait()
            await following

    async def of(self, pods: Iterable[str]) -> set[int]:
        """The exit codes of these pods, when each has ended once."""
        names = {*pods}
        try:
            async with asyncio.timeout(PATIENCE), self._news:
                await self._news.wait_for(lambda: names <= self.codes.keys())
        except TimeoutError:
            silent = names - self.codes.keys()
            raise AssertionError(f"this machine's engine told of no exit of {silent}: is it the node's?") from None
        return {code for name in names for code in self.codes[name]}

    async def _follow(self, stream: asyncio.StreamReader) -> None:
        async for line in stream:  # an event each
            self._take(json.loads(line))
            async with self._news:
                self._news.notify_all()

    def _take(self, event: dict[str, Any]) -> None:
        container, told = event["id"], event["Actor"]["Attributes"]
        if (event["Action"], told.get("signal")) == ("kill", "15"):
            self._signalled.setdefault(container, event["timeNano"])
        elif event["Action"] == "die":
            self.codes[told[POD]].add(int(told["exitCode"]))
            if container in self._signalled:
                self.took.append((event["timeNano"] - self._signalled.pop(container)) / 1e9)
