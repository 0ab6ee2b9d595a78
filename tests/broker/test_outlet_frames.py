"""Settlements leave as the frames that pamqp would make, in order, in few writes."""

import asyncio
from typing import cast

import pytest
from aiormq.abc import AbstractChannel
from hypothesis import given
from hypothesis import strategies as st
from pamqp import commands as spec
from pamqp.base import Frame
from pamqp.frame import marshal

from consumer.broker.amqp.lane import Lane
from consumer.broker.amqp.outlet import ClientOutlet, LaneOutlet, Outlet, settlement
from consumer.core.watermark import Verb


@given(st.integers(1, 65_535), st.sampled_from(Verb), st.integers(1, 2**63 - 1), st.booleans())
def test_a_settlement_is_the_frame_that_pamqp_makes(channel: int, verb: Verb, tag: int, multiple: bool) -> None:
    frames: dict[Verb, Frame] = {
        Verb.ACK: spec.Basic.Ack(tag, multiple),
        Verb.NACK: spec.Basic.Nack(tag, multiple, requeue=True),
        Verb.REJECT: spec.Basic.Reject(tag, requeue=True),
    }
    assert settlement(channel, verb, tag, multiple=multiple) == marshal(frames[verb], channel)


def test_tags_go_up_to_the_whole_of_64_bits() -> None:
    frame = settlement(1, Verb.ACK, 2**64 - 1, multiple=False)
    assert frame == marshal(spec.Basic.Ack(0), 1).replace(bytes(8), b"\xff" * 8)


class Wire:
    """What is written, write by write: stands for a lane, and for aiormq's channel."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.number = 3

    def write(self, channel: int, frames: bytes) -> None:
        assert channel == self.number
        self.writes.append(frames)

    async def basic_ack(self, tag: int, multiple: bool, wait: bool) -> None:
        assert not wait
        self.writes.append(marshal(spec.Basic.Ack(tag, multiple), self.number))

    async def basic_nack(self, tag: int, multiple: bool, wait: bool) -> None:
        assert not wait
        self.writes.append(marshal(spec.Basic.Nack(tag, multiple, requeue=True), self.number))

    async def basic_reject(self, tag: int, requeue: bool, wait: bool) -> None:
        assert not wait
        self.writes.append(marshal(spec.Basic.Reject(tag, requeue), self.number))

    def outlet(self, kind: type[LaneOutlet] | type[ClientOutlet]) -> Outlet:
        if kind is LaneOutlet:
            return LaneOutlet(cast("Lane", self), self.number)
        return ClientOutlet(cast("AbstractChannel", cast("object", self)))


@pytest.fixture
def wire() -> Wire:
    return Wire()


def put(outlet: Outlet, tags: range) -> bytes:
    """Nacks, acks and rejects in turn; the frames that are to come of it."""
    verbs = [(Verb.NACK, Verb.ACK, Verb.REJECT)[tag % 3] for tag in tags]
    for verb, tag in zip(verbs, tags, strict=True):
        outlet.put(verb, tag, multiple=tag % 2 == 0)
    return b"".join(settlement(3, verb, tag, multiple=tag % 2 == 0) for verb, tag in zip(verbs, tags, strict=True))


both = pytest.mark.parametrize("kind", [LaneOutlet, ClientOutlet])


@both
async def test_what_is_put_is_written_in_order_before_finish_returns(
    wire: Wire, kind: type[LaneOutlet] | type[ClientOutlet]
) -> None:
    outlet = wire.outlet(kind)
    frames = put(outlet, range(1, 128))
    await outlet.finish()
    assert b"".join(wire.writes) == frames
    assert len(wire.writes) == (1 if kind is LaneOutlet else 127)


@both
async def test_what_is_put_leaves_by_itself(wire: Wire, kind: type[LaneOutlet] | type[ClientOutlet]) -> None:
    outlet = wire.outlet(kind)
    frames = put(outlet, range(1, 6)) + put(outlet, range(6, 9))
    assert wire.writes == []
    for _ in range(3):
        await asyncio.sleep(0)
    assert b"".join(wire.writes) == frames
    written = len(wire.writes)
    frames = put(outlet, range(9, 11))
    await outlet.finish()
    assert b"".join(wire.writes[written:]) == frames


@both
async def test_nothing_is_written_once_the_channel_is_gone(
    wire: Wire, kind: type[LaneOutlet] | type[ClientOutlet]
) -> None:
    outlet = wire.outlet(kind)
    put(outlet, range(1, 6))
    outlet.drop()
    await outlet.finish()
    assert wire.writes == []


@both
async def test_nothing_is_written_behind_the_end(wire: Wire, kind: type[LaneOutlet] | type[ClientOutlet]) -> None:
    """After it comes channel.close, and a frame behind that makes RabbitMQ close the connection (504)."""
    outlet = wire.outlet(kind)
    frames = put(outlet, range(1, 6))
    await outlet.finish()
    put(outlet, range(6, 9))
    for _ in range(3):
        await asyncio.sleep(0)
    assert b"".join(wire.writes) == frames
