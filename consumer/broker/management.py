"""RabbitMQ's management API, where its address is given: what AMQP doesn't show of a queue, its policies.

May know: the HTTP API. May not know: AMQP. Whatever goes wrong here is one warning: it never stops a start.
"""

import asyncio
import json
import logging
from base64 import b64encode
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from consumer.broker.port import Tls
from consumer.broker.tls import tls_context
from consumer.core.facts import QueueFacts, facts_of
from consumer.core.queue import Queue

TIMEOUT = 5.0
"""Seconds that an answer may take."""

_log = logging.getLogger("lastcall")


class Management:
    """The management API of one virtual host.

    Args:
        url: `http://user:password@host:15672`, or https; a path before `/api` is kept.
        vhost: the virtual host, unquoted.
        tls: how https is verified.
    """

    def __init__(self, url: str, vhost: str, tls: Tls, *, timeout: float = TIMEOUT) -> None:
        self._parts = urlsplit(url)
        self._vhost = vhost
        self._tls = tls
        self._timeout = timeout
        self._gave_up = False

    async def refined(self, facts: QueueFacts, queue: Queue) -> QueueFacts:
        """The facts with what policies change; as they were where it can't be found out.

        After the first failure it is not asked again: a start must not wait for each queue in turn.
        """
        if self._gave_up:
            return facts
        try:
            found = await self.look_up(queue.name)
        except (OSError, HTTPException, ValueError) as error:
            self._gave_up = True
            _log.warning(
                "the management API at %s can't tell about queue %r (%s): its policies stay unknown. "
                "Check LASTCALL_MANAGEMENT_URL, and that its user has the tag 'management' and the virtual host.",
                self._parts.netloc.rpartition("@")[2],
                queue.name,
                error,
            )
            return facts
        policy = found.get("effective_policy_definition")
        if not isinstance(policy, Mapping):
            policy = None  # before 4.3 the API hears of it some seconds after the queue was declared
        arguments = {"x-queue-type": found.get("type", facts.kind), **dict(found.get("arguments") or {})}
        return facts_of(facts.version, arguments, policy, declared_here=facts.declared_here)

    async def look_up(self, name: str) -> Mapping[str, Any]:
        """What it says of the queue. Raises OSError, HTTPException or ValueError when it can't be asked."""
        return await asyncio.to_thread(self._look_up, name)

    def _look_up(self, name: str) -> Mapping[str, Any]:
        """From 4.3 on an answer without statistics is up to date; before, only one with them tells of policies."""
        path = f"{self._parts.path.rstrip('/')}/api/queues/{quote(self._vhost, safe='')}/{quote(name, safe='')}"
        found = self._get(f"{path}?disable_stats=true")
        return found if "effective_policy_definition" in found else self._get(path)

    def _get(self, path: str) -> Mapping[str, Any]:
        connection = self._connection()
        try:
            connection.request("GET", path, headers=self._headers())
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise HTTPException(f"HTTP {response.status} {response.reason}")
        answer: Mapping[str, Any] = json.loads(body)
        return answer

    def _connection(self) -> HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            return HTTPSConnection(host, port, timeout=self._timeout, context=tls_context(self._tls))
        return HTTPConnection(host, port, timeout=self._timeout)

    def _headers(self) -> dict[str, str]:
        user, password = unquote(self._parts.username or ""), unquote(self._parts.password or "")
        return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()} if user else {}
