"""A Kubernetes API server as far as a pod's annotation goes: HTTPS with a CA of its own, and what a pod is given.

May know: HTTP, certificates, files. May not know: who asks, what a test promises.
"""

import json
import ssl
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, Self

import trustme

from consumer.observe.deletion_cost import ANNOTATION

PATIENCE = 20.0


@dataclass(frozen=True)
class Patch:
    """A request."""

    path: str
    headers: Mapping[str, str]
    body: Any

    @property
    def cost(self) -> str:
        return str(self.body["metadata"]["annotations"][ANNOTATION])


class ApiServer:
    """Answers 200, or what a test wants next. `given`: the directory that a pod finds its token in."""

    def __init__(self, given: Path, host: str) -> None:
        self.ca = trustme.CA()
        self.given = given
        self.answers: deque[tuple[int, str]] = deque()
        self.may_answer = Event()
        self.may_answer.set()
        self._patches: SimpleQueue[Patch] = SimpleQueue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(host).configure_cert(context)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.give(token="first", namespace="shop", **{"ca.crt": self.ca.cert_pem.bytes().decode()})

    @classmethod
    @contextmanager
    def running(cls, given: Path, host: str = "127.0.0.1") -> Iterator[Self]:
        """For as long as the block lasts. `host`: whom its certificate names."""
        api = cls(given, host)
        thread = Thread(target=api._server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield api
        finally:
            api._server.shutdown()
            thread.join()
            api._server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        """A pod's."""
        host, port = self._server.server_address[:2]
        return {"KUBERNETES_SERVICE_HOST": str(host), "KUBERNETES_SERVICE_PORT": str(port), "POD_NAME": "orders-7"}

    def give(self, **files: str) -> None:
        """Put these into the pod's directory, as a kubelet does when a token is replaced."""
        for name, content in files.items():
            (self.given / name).write_text(content)

    def next_answers(self, *answers: tuple[int, str]) -> None:
        """Of the next requests: status and message."""
        self.answers.extend(answers)

    def patched(self) -> Patch:
        """The next request, once it is there."""
        return self._patches.get(timeout=PATIENCE)

    @property
    def nothing_more(self) -> bool:
        """Whether nothing else was asked."""
        return self._patches.empty()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_PATCH(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                api._patches.put(Patch(self.path, dict(self.headers.items()), body))
                assert api.may_answer.wait(PATIENCE)
                status, message = api.answers.popleft() if api.answers else (200, "")
                said = json.dumps({"kind": "Status", "message": message}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *words: object) -> None:
                pass

        return Handler
