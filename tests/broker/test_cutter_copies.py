"""Large bodies cost what they weigh: bytes that wait for the rest of their frame are joined once."""

import sys
from types import FrameType
from typing import Any, Self

import pytest

from tests.broker.streams import cut, delivery, split, tune

MEBIBYTE = 1 << 20


class Joins:
    """Counts the calls of bytes.join while it is entered."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Self:
        self._before = sys.getprofile()
        sys.setprofile(self._see)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self._before)

    def _see(self, _frame: FrameType, event: str, what: Any) -> None:
        if event == "c_call" and what.__name__ == "join" and isinstance(what.__self__, bytes):
            self.count += 1


@pytest.mark.parametrize("frame_max", [131_072, MEBIBYTE + 8])
def test_a_mebibyte_in_small_reads_is_joined_once_a_frame_and_once_as_a_body(frame_max: int) -> None:
    sent = bytes(range(256)) * (MEBIBYTE // 256)
    pieces = [tune(frame_max), *split(delivery(1, sent, frame_max=frame_max), [4096])]
    frames = -(-MEBIBYTE // (frame_max - 8))
    with Joins() as joins:
        reading = cut(pieces)
    assert reading.delivered[0].body == sent
    of_the_test = len(pieces)  # `cut` joins what each piece passes on
    assert joins.count - of_the_test <= frames + 2
