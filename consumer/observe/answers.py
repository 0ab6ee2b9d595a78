"""What is answered to whom: probes, a scraper, a person. Reads alone: nothing that is asked changes anything.

May know: the worker's picture, how long the loop has been silent, HTTP's words. May not know: sockets, the engine.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from consumer.core.snapshot import Snapshot
from consumer.observe.status import Status
from consumer.observe.status_page import page

TEXT, JSON, HTML = "text/plain; charset=utf-8", "application/json", "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response, for whoever writes it."""

    status: HTTPStatus
    body: bytes
    content_type: str = TEXT
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Asked:
    query: dict[str, list[str]]
    accept: str

    @property
    def wants_html(self) -> bool:
        """A person's browser asks for it by name; `?format=` decides where it is given."""
        wanted = self.query.get("format", [""])[-1]
        return wanted == "html" or (wanted != "json" and "text/html" in self.accept.lower())


Render = Callable[[str], tuple[bytes, str]]
"""The metrics, by the Accept header of who asks; and their content type."""


class Answers:
    """Called with a request, on any thread. `silent_for`: seconds for which the loop has not answered."""

    def __init__(
        self,
        look: Callable[[], Snapshot],
        silent_for: Callable[[], float],
        stuck_after: float,
        status: Status,
        metrics: Render,
    ) -> None:
        self._look = look
        self._silent_for = silent_for
        self._stuck_after = stuck_after
        self._status = status
        self._paths: Mapping[str, Callable[[_Asked], Answer]] = {
            "/livez": lambda _: self._livez(),
            "/readyz": lambda _: _probe(seen := look(), seen.ready),
            "/startupz": lambda _: _probe(seen := look(), seen.started),
            "/statusz": self._statusz,
            "/metrics": lambda asked: Answer(HTTPStatus.OK, *metrics(asked.accept)),
        }

    def __call__(self, method: str, target: str, accept: str) -> Answer:
        """The answer. HEAD is answered as GET is: whoever writes it leaves the body out."""
        if method not in {"GET", "HEAD"}:
            return Answer(HTTPStatus.METHOD_NOT_ALLOWED, b"GET or HEAD\n", headers={"Allow": "GET, HEAD"})
        path, query = _parts(target)
        answer = self._paths.get(path)
        if answer is None:
            return Answer(HTTPStatus.NOT_FOUND, f"There are: {' '.join(self._paths)}\n".encode())
        return answer(_Asked(query, accept))

    def _livez(self) -> Answer:
        """Says nothing of the broker and of the drain: a restart mends neither."""
        silent = self._silent_for()
        if silent < self._stuck_after:
            return Answer(HTTPStatus.OK, b"ok\n")
        return Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"the event loop has been stuck for {silent:.1f} s\n".encode())

    def _statusz(self, asked: "_Asked") -> Answer:
        facts = self._status.facts(self._look(), self._silent_for())
        if asked.wants_html:
            return Answer(HTTPStatus.OK, page(facts).encode(errors="backslashreplace"), HTML)
        return Answer(HTTPStatus.OK, json.dumps(facts, indent=1).encode() + b"\n", JSON)


def _probe(seen: Snapshot, passed: bool) -> Answer:
    status = HTTPStatus.OK if passed else HTTPStatus.SERVICE_UNAVAILABLE
    return Answer(status, f"{seen.phase.value}\n".encode())


def _parts(target: str) -> tuple[str, dict[str, list[str]]]:
    try:
        parts = urlsplit(target)
    except ValueError:  # a bracket in the wrong place, say
        return "", {}
    return parts.path, parse_qs(parts.query)
