"""What an operator does over the management API: virtual hosts, users, permissions.

May know: the API's paths. May not know: containers, workers.
"""

import asyncio
import base64
import json
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

PATIENCE = 20.0


class Admin:
    """The API at one node."""

    def __init__(self, address: str, user: str, password: str) -> None:
        self._address = address
        self._authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    async def make_vhost(self, name: str) -> None:
        await self._ask("PUT", "vhosts", name)

    async def delete_vhost(self, name: str) -> None:
        await self._ask("DELETE", "vhosts", name)

    async def set_user(self, name: str, password: str) -> None:
        """Make the user, or change the password."""
        await self._ask("PUT", "users", name, body={"password": password, "tags": ""})

    async def allow(self, user: str, vhost: str) -> None:
        """Give all permissions there."""
        await self._ask("PUT", "permissions", vhost, user, body={"configure": ".*", "write": ".*", "read": ".*"})

    async def forbid(self, user: str, vhost: str) -> None:
        """Take all permissions there away."""
        await self._ask("DELETE", "permissions", vhost, user)

    async def _ask(self, method: str, *path: str, body: object = None) -> Any:
        url = "/".join([self._address, "api", *(quote(part, safe="") for part in path)])
        headers = {"Authorization": self._authorization, "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        return await asyncio.to_thread(_answer, Request(url, data, headers, method=method))


def _answer(request: Request) -> Any:
    with urlopen(request, timeout=PATIENCE) as answer:
        return json.loads(answer.read() or b"null")
