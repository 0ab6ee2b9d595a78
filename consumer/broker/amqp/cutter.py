"""Cuts deliveries for our consumer tags out of an AMQP byte stream; every other byte is passed on, in order.

May know: the layout of frames, a few methods. May not know: sockets, the event loop, channels as objects: pure and
synchronous, so that it can be tried with any bytes, cut at any place.
"""

from typing import NamedTuple, NoReturn

from consumer.broker.amqp.assembly import Assembly, Sink
from consumer.broker.amqp.frames import (
    AT_CONSUMER_TAG,
    CHANNEL_CLOSE,
    CHANNEL_OPEN_OK,
    CONNECTION_CLOSE,
    DELIVER,
    DELIVER_NUMBER,
    FRAME_END,
    HEAD,
    LARGEST_FRAME,
    METHOD,
    METHOD_AND_TAG,
    OVERHEAD,
    SMALLEST_CONTENT,
    TAG_AND_FLAG,
    TUNE,
    TUNED,
    UNBOUNDED,
    BrokenStreamError,
    short_string,
    unpack,
    whole_content,
)

NAMES_KEPT = 1024
"""Pairs of exchange and routing key that are kept decoded."""


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
        self._assemblies: dict[int, Assembly] = {}
        self._names: dict[bytes, tuple[str, str]] = {}
        self._kept: list[bytes] = []
        self._have = 0
        self._need = OVERHEAD
        self._largest = LARGEST_FRAME
        self._started = False

    def add(self, consumer_tag: str, sink: Sink) -> None:
        """Take the deliveries of this consumer from now on."""
        self._sinks[consumer_tag.encode()] = sink

    def remove(self, consumer_tag: str) -> None:
        """Pass them on again."""
        self._sinks.pop(consumer_tag.encode(), None)

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
                kind, channel, size = HEAD.unpack_from(data, position)
                end = position + size + OVERHEAD
                if end > end_of_data or end - position > self._largest:
                    self._need = self._agreed(end - position)
                    break
                if data[end - 1] != FRAME_END:
                    self._unended()
                after = self._take(kind, channel, data, position, end)
                if after:
                    if unsent < position:
                        passed_on.append(data[unsent:position])
                    unsent = after
                position = after or end
        except BrokenStreamError as error:
            error.before = [*passed_on, data[unsent:position]]
            raise
        if unsent < position:
            passed_on.append(data[unsent:position])
        if position < end_of_data:
            self._kept.append(data[position:])
        self._have = end_of_data - position
        return passed_on

    def _agreed(self, size: int) -> int:
        if size > self._largest:
            raise BrokenStreamError(f"a frame of {size} bytes, where at most {self._largest} were agreed")
        return size

    @staticmethod
    def _unended() -> NoReturn:
        raise BrokenStreamError("a frame does not end where it should")

    def _take_whole(self, channel: int, data: bytes, position: int, header: int) -> int:
        """Most deliveries are small, and all there: where such a one ends; 0: this is none, and is taken by frames.

        The method's frame is data[position:header]. Nothing is refused here: what is odd is not taken.
        """
        if header + SMALLEST_CONTENT > len(data):
            return 0
        method, tag_size = METHOD_AND_TAG.unpack_from(data, position + HEAD.size)
        end_of_tag = position + AT_CONSUMER_TAG + 1 + tag_size
        sink = self._sinks.get(data[position + AT_CONSUMER_TAG + 1 : end_of_tag]) if method == DELIVER_NUMBER else None
        if sink is None:
            return 0
        body, end = whole_content(data, header, channel, self._largest)
        encoded = data[end_of_tag + TAG_AND_FLAG.size : header - 1]
        names = self._names.get(encoded) or self._names_in(encoded)
        if not end or names is None or channel in self._assemblies:
            return 0
        tag, flag = TAG_AND_FLAG.unpack_from(data, end_of_tag)
        sink(tag, flag & 1 == 1, *names, data[header + HEAD.size : body - 1], data[body + HEAD.size : end - 1])
        return end

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

    def _take(self, kind: int, channel: int, data: bytes, position: int, end: int) -> int:
        """Where what is ours ends, when the frame data[position:end] is; 0: it isn't."""
        start, stop = position + HEAD.size, end - 1
        if kind == METHOD:
            whole = self._take_whole(channel, data, position, end)
            return whole or (end if self._take_method(channel, data, start, stop) else 0)
        assembly = self._assemblies.get(channel)
        if assembly is None:
            return 0
        if assembly.add(kind, data[start:stop]):
            del self._assemblies[channel]
            assembly.hand_over()
        return end

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
        elif method == CONNECTION_CLOSE and stop - start > 3:
            text = data[start + 3 : min(stop, start + 3 + data[start + 2])].decode("utf-8", "replace")
            self.farewell = Farewell(int.from_bytes(data[start : start + 2], "big"), text)
        elif method == CHANNEL_CLOSE:
            self.closed_channels.add(channel)
        elif method == CHANNEL_OPEN_OK:
            self.closed_channels.discard(channel)
