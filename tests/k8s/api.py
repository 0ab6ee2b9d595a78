"""The API server as a pod reaches it: where it says that it is, whether or not the cluster routes Services.

May know: kubectl's answers, sockets. May not know: workers, what a test promises.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
ROOT_CA, CA = "kube-root-ca.crt", "api-ca"

Kubectl = Callable[..., Awaitable[str]]


@dataclass(frozen=True)
class Api:
    """Its address, and whom to trust there."""

    host: str
    port: int
    ca: str

    def named_in(self, pod: dict[str, Any]) -> dict[str, Any]:
        """Tell a pod of it in place of the cluster's own word; the ConfigMap that this takes."""
        pod["containers"][0]["env"] += [
            {"name": "KUBERNETES_SERVICE_HOST", "value": self.host},
            {"name": "KUBERNETES_SERVICE_PORT", "value": str(self.port)},
        ]
        sources = [source for volume in pod["volumes"] for source in volume.get("projected", {}).get("sources", ())]
        [authority] = [source["configMap"] for source in sources if "configMap" in source]
        authority["name"] = CA
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CA}, "data": {"ca.crt": self.ca}}


@asynccontextmanager
async def reachable(kubectl: Kubectl) -> AsyncIterator[Api]:
    """For as long as the block lasts. A way to one that listens on this machine's loopback alone is made here."""
    told = json.loads(await kubectl("get", "endpoints", "kubernetes", "--namespace=default", "--output=json"))
    subset = told["subsets"][0]
    host, port = str(subset["addresses"][0]["ip"]), int(subset["ports"][0]["port"])
    config = json.loads(await kubectl("config", "view", "--minify", "--output=json"))
    server = urlsplit(config["clusters"][0]["cluster"]["server"])
    async with AsyncExitStack() as stack:
        if server.hostname in LOOPBACK and not await _answers(host, port):
            await stack.enter_async_context(_way(host, port, str(server.hostname), int(server.port or 443)))
        root = json.loads(await kubectl("get", "configmap", ROOT_CA, "--output=json", "--ignore-not-found") or "{}")
        ca = root.get("data", {}).get("ca.crt") or await asyncio.to_thread(ssl.get_server_certificate, (host, port))
        yield Api(host, port, ca)


async def _answers(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(5):
            _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


@asynccontextmanager
async def _way(host: str, port: int, to_host: str, to_port: int) -> AsyncIterator[None]:
    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65_536):
                writer.write(chunk)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection(to_host, to_port)
        await asyncio.gather(carry(reader, to_writer), carry(to_reader, writer))

    async with await asyncio.start_server(take, host, port):
        yield
