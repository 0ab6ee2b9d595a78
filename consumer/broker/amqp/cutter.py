"""Cuts deliveries for our consumer tags out of an AMQP byte stream; every other byte is passed on, in order.

May know: the layout of frames, a few methods. May not know: sockets, the event loop, channels as objects: pure and
synchronous, so that it can be tried with any bytes, cut at any place.
"""

from typing import NamedTuple, TypeAlias

from consumer.broker.amqp.assembly import Assembly, Sink
from consumer.broker.amqp.frames import (
    BODY,
    CHANNEL_CLOSE,
    CHANNEL_OPEN_OK,
    CONNECTION_CLOSE,
    CONTENT,
    DELIVER,
    DELIVER_NUMBER,
    FRAME_END,
    HEAD,
    HEADER,
    LARGEST_FRAME,
    METHOD,
    METHOD_HEAD,
    OVERHEAD,
    SMALLEST_CONTENT,
    SMALLEST_HEADER,
    TAG_AND_FLAG,
    TUNE,
    TUNED,
    UNBOUNDED,
    BrokenStreamError,
    short_string,
    unpack,
)

NAMES_KEPT = 1024
"""Pairs of exchange and routing key, and beginnings of frames, that are kept decoded."""

Head: TypeAlias = tuple[Sink, int, int, int]
"""What a basic.deliver's frame begins with: whose it is, its channel, its bytes in all, where the consumer tag ends."""


class Farewell(NamedTuple):
    """What the broker said when it closed the connection (connection.close), which aiormq keeps to itself."""

    code: int
    text: str

    @property
    def is_final(self) -> bool:
        """Whether somebody must mend something: 403, or 530 for a virtual host (not for a limit on connections)."""
        return self.code == 403 or (self.code == 530 and "limit" not in self.text and "down" not in self.text)


class Cutter:
    """`feed` it what arrives; it calls the sinks, and returns what is not for them."""

    def __init__(self) -> None:
        self.closed_channels: set[int] = set()
        """Channels that the broker has closed, and that have not been opened again."""
        self.farewell: Farewell | None = None
        self._sinks: dict[bytes, Sink] = {}
        self._heads: dict[bytes, Head] = {}
        self._head_size = 0
        """Bytes of a head as it is kept: consumer tags are mostly of one length."""
        self._assemblies: dict[int, Assembly] = {}
        self._names: dict[bytes, tuple[str, str]] = {}
        self._kept: list[bytes] = []
        self._have = 0
        self._need = OVERHEAD
        self._largest = LARGEST_FRAME
        self._started = False

    def add(self, consumer_tag: str, sink: Sink) -> None:
        """Take the deliveries of this consumer from now on."""
        tag = consumer_tag.encode()
        self._sinks[tag] = sink
        self._heads.clear()
        self._head_size = METHOD_HEAD.size + len(tag)

    def remove(self, consumer_tag: str) -> None:
        """Pass them on again."""
        self._sinks.pop(consumer_tag.encode(), None)
        self._heads.clear()

    @property
    def consuming(self) -> bool:
        """Whether there is a consumer to take deliveries for: never so during the connection's handshake."""
        return bool(self._sinks)

    def feed(self, data: bytes) -> list[bytes]:
        """Whole frames that are not ours, in order.

        Raises BrokenStreamError, which has those that came before the break; nothing may be fed after that.
        """
        if self._kept:
            self._kept.append(data)
            self._have += len(data)
            if self._have < self._need:
                return []
            data = b"".join(self._kept)
            self._kept.clear()
        if not self._started and len(data) >= OVERHEAD:
            self._started = True
            if data.startswith(b"AMQP"):  # a protocol header, of eight bytes too: the broker speaks another version
                return self._cut(data, OVERHEAD)
        return self._cut(data, 0)

    def _cut(self, data: bytes, position: int) -> list[bytes]:
        """All of it; the first frame begins at `position`."""
        passed_on: list[bytes] = []
        end_of_data, unsent = len(data), 0
        self._need = OVERHEAD
        try:
            while end_of_data - position >= OVERHEAD:
                end = self._take_whole(data, position)
                is_ours = end > 0
                if not is_ours:
                    end = self._end_of_frame(data, position)
                    if not end:
                        break
                    is_ours = self._take(data, position, end)
                if is_ours:
                    if unsent < position:
                        passed_on.append(data[unsent:position])
                    unsent = end
                position = end
        except BrokenStreamError as error:
            error.before = [*passed_on, data[unsent:position]]
            raise
        if unsent < position:
            passed_on.append(data[unsent:position])
        if position < end_of_data:
            self._kept.append(data[position:])
        self._have = end_of_data - position
        return passed_on

    def _end_of_frame(self, data: bytes, position: int) -> int:
        """Where the one that begins there ends; 0: it is not all there."""
        size = HEAD.unpack_from(data, position)[2] + OVERHEAD
        if size > self._largest:
            raise BrokenStreamError(f"a frame of {size} bytes, where at most {self._largest} were agreed")
        end: int = position + size
        if end > len(data):
            self._need = size
            return 0
        if data[end - 1] != FRAME_END:
            raise BrokenStreamError("a frame does not end where it should")
        return end

    def _take_whole(self, data: bytes, position: int) -> int:
        """Most deliveries are small, and all there: where such a one ends; 0: this is none, and is taken by frames.

        Nothing is refused here: what is odd is not taken. It is written out at length, without calls, for its speed.
        """
        head = self._heads.get(data[position : position + self._head_size]) or self._head_in(data, position)
        if head is None:
            return 0
        sink, channel, size, end_of_tag = head
        header = position + size
        if header + SMALLEST_CONTENT > len(data):
            return 0
        kind, on_channel, header_size, _, body_size = CONTENT.unpack_from(data, header)
        body = header + header_size + OVERHEAD
        end = body + body_size + OVERHEAD
        largest = self._largest - OVERHEAD
        if (
            end > len(data)
            or not SMALLEST_HEADER <= header_size <= largest >= body_size > 0
            or kind != HEADER
            or on_channel != channel
            or channel in self._assemblies
            or HEAD.unpack_from(data, body) != (BODY, channel, body_size)
            or not data[header - 1] == data[body - 1] == data[end - 1] == FRAME_END
        ):
            return 0
        encoded = data[position + end_of_tag + TAG_AND_FLAG.size : header - 1]
        names = self._names.get(encoded) or self._names_in(encoded)
        if names is None:
            return 0
        tag, flag = TAG_AND_FLAG.unpack_from(data, position + end_of_tag)
        exchange, routing_key = names
        properties, payload = data[header + HEAD.size : body - 1], data[body + HEAD.size : end - 1]
        sink(tag, flag & 1 == 1, exchange, routing_key, properties, payload)
        return int(end)

    def _head_in(self, data: bytes, position: int) -> Head | None:
        """None: there is no delivery for us."""
        if position + METHOD_HEAD.size > len(data):
            return None
        kind, channel, size, method, tag_size = METHOD_HEAD.unpack_from(data, position)
        end_of_tag = METHOD_HEAD.size + tag_size
        encoded = data[position : position + end_of_tag]
        sink = self._sinks.get(encoded[METHOD_HEAD.size :])
        if sink is None or kind != METHOD or method != DELIVER_NUMBER or size > self._largest - OVERHEAD:
            return None
        head = sink, channel, size + OVERHEAD, end_of_tag
        if end_of_tag == self._head_size:
            if len(self._heads) == NAMES_KEPT:
                self._heads.clear()
            self._heads[encoded] = head
        return head

    def _names_in(self, encoded: bytes) -> tuple[str, str] | None:
        """An exchange and a routing key, which one queue's deliveries mostly have in common; None: there are none."""
        try:
            exchange, position = short_string(encoded, 0)
            routing_key, position = short_string(encoded, position)
        except BrokenStreamError:
            return None
        if position < len(encoded):
            return None  # what follows them would be kept with them
        names = exchange, routing_key
        if len(self._names) == NAMES_KEPT:
            self._names.clear()
        self._names[encoded] = names
        return names

    def _take(self, data: bytes, position: int, end: int) -> bool:
        """Whether the frame data[position:end] is ours."""
        kind, channel, _ = HEAD.unpack_from(data, position)
        start, stop = position + HEAD.size, end - 1
        if kind == METHOD:
            return self._take_method(channel, data, start, stop)
        assembly = self._assemblies.get(channel)
        if assembly is None:
            return False
        if assembly.add(kind, data[start:stop]):
            del self._assemblies[channel]
            assembly.hand_over()
        return True

    def _take_method(self, channel: int, data: bytes, start: int, stop: int) -> bool:
        method = data[start : start + 4]
        if self._assemblies.pop(channel, None) is not None and method != CHANNEL_CLOSE:  # no broker gives one up
            raise BrokenStreamError("a method in the middle of a content")
        if method != DELIVER or stop - start < 5:
            self._note(method, channel, data, start + 4, stop)
            return False
        end_of_tag = start + 5 + data[start + 4]
        sink = self._sinks.get(data[start + 5 : end_of_tag])
        if sink is None:
            return False
        self._assemblies[channel] = Assembly(sink, data[end_of_tag:stop])
        return True

    def _note(self, method: bytes, channel: int, data: bytes, start: int, stop: int) -> None:
        if method == TUNE:
            self._largest = unpack(TUNED, data, start, stop)[1] or UNBOUNDED
            self._heads.clear()
        elif method == CONNECTION_CLOSE and stop - start > 3:
            text = data[start + 3 : min(stop, start + 3 + data[start + 2])].decode("utf-8", "replace")
            self.farewell = Farewell(int.from_bytes(data[start : start + 2], "big"), text)
        elif method == CHANNEL_CLOSE:
            self.closed_channels.add(channel)
        elif method == CHANNEL_OPEN_OK:
            self.closed_channels.discard(channel)
