"""The lane's deliveries are exactly those of aiormq's own reader, and all that aiormq hears beside them is the same."""

import asyncio

from hypothesis import given

from consumer.broker.amqp.lane import Lane
from consumer.broker.amqp.pulse import Pulse
from tests.broker.clients import OTHERS, OURS, Client
from tests.broker.generated import calm_streams, sizes, thorough
from tests.broker.streams import Delivered, split


@thorough
@given(calm_streams(OURS | OTHERS), sizes)
def test_every_consumer_is_given_the_same_by_the_lane_as_by_the_client(stream: bytes, pieces: list[int]) -> None:
    plain, _ = asyncio.run(heard(Pulse, stream, [len(stream) or 1]))
    fast, called_back = asyncio.run(heard(Lane, stream, pieces))
    assert fast == plain
    assert not called_back & set(OURS)


async def heard(
    stand_before: type[Pulse], stream: bytes, pieces: list[int]
) -> tuple[dict[str, list[Delivered]], set[str]]:
    async with asyncio.timeout(20):
        client = await Client(stand_before).open()
        await client.hear(split(stream, pieces))
        await client.close()
    return client.heard, client.called_back
