"""RabbitMQ's management API, for what tests set up through it: policies, users.

May know: HTTP. Nothing here knows what is tested.
"""

import json
from base64 import b64encode
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from consumer.testing.brokers import BrokerHandle


class Api:
    """The management API that belongs to a broker: where it says, or by custom 10000 ports above AMQP's."""

    def __init__(self, broker: BrokerHandle) -> None:
        parts = urlsplit(broker.url)
        self.vhost = unquote(parts.path[1:]) or "/"
        self.netloc = f"{parts.hostname}:{broker.management_port or (parts.port or 5672) + 10_000}"
        self.user = f"{parts.username or 'guest'}:{parts.password or 'guest'}"
        self.url = f"http://{self.user}@{self.netloc}"

    def ask(self, method: str, *path: str, **body: object) -> Any:
        """Its answer. Raises OSError when there is none."""
        connection = HTTPConnection(self.netloc, timeout=5)
        headers = {"Authorization": "Basic " + b64encode(self.user.encode()).decode()}
        where = "/".join(quote(part, safe="") for part in ("api", *path))
        connection.request(method, f"/{where}", json.dumps(body) if body else None, headers)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        assert response.status < 300, f"{method} {where}: {response.status} {text!r}"
        return json.loads(text) if text else None
