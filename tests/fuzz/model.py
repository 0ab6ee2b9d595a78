"""A third reading of a stream, in the plainest way that takes any bytes: frame by frame, each sliced out on its own.

May know: AMQP 0-9-1, section 4.2, as the cutter's promise has it. May not know: the cutter.
"""

from struct import unpack_from

from consumer.broker.amqp.frames import LARGEST_FRAME, UNBOUNDED
from tests.broker.streams import OURS, Delivered, Reading

CLOSE, TUNE, DELIVER = b"\x00\x14\x00\x28", b"\x00\x0a\x00\x1e", b"\x00\x3c\x00\x3c"


class BrokenError(Exception):
    """No AMQP from here on."""


class Model:
    """Reads one whole stream."""

    def __init__(self) -> None:
        self.reading = Reading()
        self._largest = LARGEST_FRAME
        self._contents: dict[int, list[bytes]] = {}

    def read(self, stream: bytes) -> Reading:
        if len(stream) >= 8 and stream.startswith(b"AMQP"):
            self.reading.passed_on, stream = stream[:8], stream[8:]
        try:
            while len(stream) >= 8:
                size = 8 + unpack_from(">I", stream, 3)[0]
                require(size <= self._largest)
                if size > len(stream):
                    break
                frame, stream = stream[:size], stream[size:]
                require(frame.endswith(b"\xce"))
                if not self._take(frame[0], unpack_from(">H", frame, 1)[0], frame[7:-1]):
                    self.reading.passed_on += frame
        except BrokenError:
            self.reading.broken = "broken"
        return self.reading

    def _take(self, kind: int, channel: int, payload: bytes) -> bool:
        """Whether the frame is a part of a delivery for us."""
        content = self._contents.pop(channel, None)
        if kind == 1:
            require(content is None or payload[:4] == CLOSE)
            if payload[:4] == TUNE:
                require(len(payload) >= 10)
                self._largest = unpack_from(">I", payload, 6)[0] or UNBOUNDED
            content = [payload] if payload[:4] == DELIVER and tag_in(payload) in OURS else None
        elif content is not None:
            require(kind == (2 if len(content) == 1 else 3))
            require(len(content) > 1 or len(payload) >= 12)
            content.append(payload)
        if content is not None:
            self._keep_or_hand_over(channel, content)
        return content is not None

    def _keep_or_hand_over(self, channel: int, content: list[bytes]) -> None:
        method, *rest = content
        missing = unpack_from(">Q", rest[0], 4)[0] - len(b"".join(rest[1:])) if rest else None
        require(missing is None or missing >= 0)
        if missing == 0:
            self.reading.delivered.append(delivered(method, rest[0], b"".join(rest[1:])))
        else:
            self._contents[channel] = content


def tag_in(method: bytes) -> str | None:
    """Its consumer tag; None: it is not all there, so it is nobody's."""
    if len(method) < 5 or len(method) < 5 + method[4]:
        return None
    return method[5 : 5 + method[4]].decode("utf-8", "replace")


def delivered(method: bytes, header: bytes, body: bytes) -> Delivered:
    rest = method[5 + method[4] :]
    require(len(rest) >= 9)
    exchange, after = short_string(rest[9:])
    routing_key, _ = short_string(after)
    return Delivered(unpack_from(">Q", rest)[0], bool(rest[8] & 1), exchange, routing_key, header, body)


def short_string(data: bytes) -> tuple[str, bytes]:
    require(len(data) > 0)
    require(len(data) > data[0])
    return data[1 : 1 + data[0]].decode("utf-8", "backslashreplace"), data[1 + data[0] :]


def require(condition: bool) -> None:
    if not condition:
        raise BrokenError
