"""What RabbitMQ itself has sent is read as pamqp reads it, however it arrives (see tests/broker/recordings)."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import commands as spec
from pamqp.frame import unmarshal
from pamqp.header import ContentHeader
from pamqp.heartbeat import Heartbeat

from tests.broker.generated import thorough
from tests.broker.recordings import names, recording
from tests.broker.recordings.client import FRAME_MAX, ROOM
from tests.broker.streams import OURS, cut, naive, split

every_recording = pytest.mark.parametrize("name", names())
coarse = st.lists(st.integers(1, 3 * FRAME_MAX), min_size=1, max_size=20)
"""Sizes of reads as they come from sockets."""


@every_recording
@thorough
@given(sizes=coarse)
def test_a_recording_cut_anywhere_gives_what_a_plain_decoding_gives(name: str, sizes: list[int]) -> None:
    stream = recording(name)
    assert cut(split(stream, sizes)) == naive(stream)


@every_recording
@pytest.mark.parametrize("size", [1, 7, 8, 9, FRAME_MAX, 1 << 20])
def test_a_recording_in_equal_pieces_gives_what_a_plain_decoding_gives(name: str, size: int) -> None:
    stream = recording(name)
    assert cut(split(stream, [size])) == naive(stream)


@every_recording
def test_a_recording_that_breaks_off_anywhere_has_what_was_whole(name: str) -> None:
    stream = recording(name)
    whole = cut([stream])
    for end in range(0, len(stream), 997):
        part = cut([stream[:end]])
        assert part.delivered == whole.delivered[: len(part.delivered)]
        assert whole.passed_on.startswith(part.passed_on)
        assert part.broken is None


def test_the_recordings_hold_what_they_are_kept_for() -> None:
    seen: Counter[object] = Counter()
    for name in names():
        stream = recording(name)
        while stream:
            length, channel, frame = unmarshal(stream)
            stream = stream[length:]
            seen[type(frame)] += 1
            if isinstance(frame, spec.Basic.Deliver):
                seen["ours" if frame.consumer_tag in OURS else "foreign"] += 1
                seen["redelivered"] += bool(frame.redelivered)
                seen[frame.consumer_tag, channel] += 1
            if isinstance(frame, ContentHeader):
                seen["empty"] += frame.body_size == 0
                seen["many frames"] += frame.body_size > 2 * ROOM
    needed = [
        *(spec.Basic.Return, spec.Basic.GetOk, spec.Basic.Ack, spec.Basic.Cancel, spec.Basic.CancelOk),
        *(spec.Channel.Close, spec.Channel.CloseOk, spec.Connection.Close, spec.Connection.CloseOk, Heartbeat),
        *("ours", "foreign", "redelivered", "empty", "many frames"),
        *((OURS[0], 1), (OURS[1], 1), (OURS[0], 3)),
    ]
    assert [what for what in needed if not seen[what]] == []
