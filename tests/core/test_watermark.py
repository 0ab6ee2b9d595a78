"""Each tag gets exactly its verb, whatever the order, and `multiple` never covers a handler that runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.core.watermark import Frame, Verb, coalesced

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
    ("settled", "lowest_open", "frames"),
    [
        ([], None, []),
        ([(1, ACK)], None, [Frame(ACK, 1)]),
        ([(1, ACK), (2, ACK), (3, ACK)], None, [Frame(ACK, 3, multiple=True)]),
        ([(3, ACK), (1, ACK), (2, ACK)], 4, [Frame(ACK, 3, multiple=True)]),
        ([(2, ACK)], 1, [Frame(ACK, 2)]),
        ([(2, ACK), (3, ACK)], 1, [Frame(ACK, 2), Frame(ACK, 3)]),
        ([(1, ACK), (2, NACK)], None, [Frame(ACK, 1), Frame(NACK, 2)]),
        ([(1, ACK), (2, NACK), (3, NACK)], None, [Frame(ACK, 1), Frame(NACK, 3, multiple=True)]),
        ([(1, REJECT), (2, REJECT), (3, ACK)], None, [Frame(REJECT, 1), Frame(REJECT, 2), Frame(ACK, 3)]),
        ([(1, ACK), (2, ACK), (4, NACK), (5, NACK)], 3, [Frame(ACK, 2, multiple=True), Frame(NACK, 4), Frame(NACK, 5)]),
        ([(1, ACK), (3, ACK)], 4, [Frame(ACK, 3, multiple=True)]),  # 2 was sent before
    ],
    ids=str,
)
def test_settlements_become_as_few_frames_as_are_safe(
    settled: list[tuple[int, Verb]], lowest_open: int | None, frames: list[Frame]
) -> None:
    assert coalesced(dict(settled), lowest_open) == frames


@given(
    st.lists(st.sampled_from(["deliver", "ack", "nack", "reject", "flush"]), max_size=60),
    st.randoms(use_true_random=False),
)
def test_whatever_the_order_each_tag_gets_exactly_its_verb(story: list[str], chance: object) -> None:
    channel = Channel()
    running: list[int] = []
    decided: dict[int, Verb] = {}
    unsent: dict[int, Verb] = {}
    for step in [*story, "flush"]:
        if step == "deliver":
            running.append(channel.deliver())
        elif step == "flush":
            for frame in coalesced(unsent, min(running, default=None)):
                channel.take(frame)
            unsent.clear()
            assert channel.settled == decided
            assert channel.outstanding == set(running), "never a running handler's"
        elif running:
            tag = running.pop(chance.randrange(len(running)))  # type: ignore[attr-defined]  # hypothesis types it so
            decided[tag] = unsent[tag] = Verb(step)
