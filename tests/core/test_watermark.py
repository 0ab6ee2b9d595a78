"""Each tag gets exactly its verb, whatever the order, and `multiple` never covers a handler that runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.core.watermark import Frame, Verb, Watermark

ACK, NACK, REJECT = Verb.ACK, Verb.NACK, Verb.REJECT


class Channel:
    """What RabbitMQ keeps of a channel: the tags that are outstanding, and how each was settled."""

    def __init__(self) -> None:
        self.delivered = 0
        self.outstanding: set[int] = set()
        self.settled: dict[int, Verb] = {}

    def deliver(self) -> int:
        self.delivered += 1
        self.outstanding.add(self.delivered)
        return self.delivered

    def take(self, frame: Frame) -> None:
        assert not (frame.multiple and frame.verb is REJECT), "basic.reject has no multiple"
        assert frame.tag in self.outstanding, f"406 unknown delivery tag {frame.tag}"
        covered = {tag for tag in self.outstanding if tag <= frame.tag} if frame.multiple else {frame.tag}
        self.outstanding -= covered
        self.settled |= dict.fromkeys(covered, frame.verb)


@pytest.mark.parametrize(
    ("settled", "frames"),
    [
        ([], []),
        ([(1, ACK)], [Frame(ACK, 1)]),
        ([(1, ACK), (2, ACK), (3, ACK)], [Frame(ACK, 3, multiple=True)]),
        ([(3, ACK), (1, ACK), (2, ACK)], [Frame(ACK, 3, multiple=True)]),
        ([(2, ACK)], [Frame(ACK, 2)]),
        ([(2, ACK), (3, ACK)], [Frame(ACK, 2), Frame(ACK, 3)]),
        ([(1, ACK), (2, NACK)], [Frame(ACK, 1), Frame(NACK, 2)]),
        ([(1, ACK), (2, NACK), (3, NACK)], [Frame(ACK, 1), Frame(NACK, 3, multiple=True)]),
        ([(1, REJECT), (2, REJECT), (3, ACK)], [Frame(REJECT, 1), Frame(REJECT, 2), Frame(ACK, 3)]),
        ([(1, ACK), (2, ACK), (4, NACK)], [Frame(ACK, 2, multiple=True), Frame(NACK, 4)]),
    ],
    ids=str,
)
def test_settlements_become_as_few_frames_as_are_safe(settled: list[tuple[int, Verb]], frames: list[Frame]) -> None:
    watermark = Watermark()
    for tag, verb in settled:
        watermark.settle(tag, verb)
    assert watermark.frames() == frames
    assert watermark.frames() == [], "nothing is left to send"


def test_what_was_sent_ahead_is_not_sent_again_when_the_hole_closes() -> None:
    watermark = Watermark()
    watermark.settle(2, NACK)
    assert watermark.frames() == [Frame(NACK, 2)]
    watermark.settle(1, ACK)
    watermark.settle(3, ACK)
    assert watermark.frames() == [Frame(ACK, 3, multiple=True)]
    assert watermark.mark == 3


@given(
    st.lists(st.sampled_from(["deliver", "ack", "nack", "reject", "flush"]), max_size=60),
    st.randoms(use_true_random=False),
)
def test_whatever_the_order_each_tag_gets_exactly_its_verb(story: list[str], chance: object) -> None:
    watermark, channel = Watermark(), Channel()
    running: list[int] = []
    decided: dict[int, Verb] = {}
    for step in [*story, "flush"]:
        if step == "deliver":
            running.append(channel.deliver())
        elif step == "flush":
            for frame in watermark.frames():
                channel.take(frame)
            assert channel.settled == decided
            assert channel.outstanding == set(running), "never a running handler's"
        elif running:
            tag = running.pop(chance.randrange(len(running)))  # type: ignore[attr-defined]  # hypothesis types it so
            decided[tag] = Verb(step)
            watermark.settle(tag, decided[tag])


@given(st.permutations(range(1, 30)))
def test_once_all_are_settled_the_mark_is_at_the_last_and_nothing_is_kept(order: list[int]) -> None:
    watermark, channel = Watermark(), Channel()
    for _ in order:
        channel.deliver()
    for tag in order:
        watermark.settle(tag, ACK)
        for frame in watermark.frames():
            channel.take(frame)
    assert watermark.mark == len(order)
    assert channel.outstanding == set()
