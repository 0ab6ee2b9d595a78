"""A real client of aiormq's on a scripted broker, with consumers on its channels; bytes are put where they arrive.

May know: aiormq's public face, the seam. May not know: how deliveries are cut out.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Self, cast

from aiormq.abc import AbstractChannel, DeliveredMessage
from pamqp import commands as spec
from yarl import URL

from consumer.broker.amqp.pulse import Pulse
from consumer.broker.amqp.seam import LaneFactory
from tests.broker.scripted import ScriptedBroker
from tests.broker.streams import Delivered, delivery, properties_in

OURS = {"a": 1, "b": 1, "c": 2, "d": 3}
"""The channels of consumers that the lane takes the deliveries for, when there is one: two of them share one."""
OTHERS = {"another on 1": 1, "another on 3": 3, "another on 4": 4}
CHANNELS = (1, 2, 3, 4)
LAST = "the last one"


class Client:
    """On the plain transport (Pulse), or on the lane. `heard`: what each consumer was given."""

    def __init__(self, stand_before: type[Pulse]) -> None:
        self.heard: defaultdict[str, list[Delivered]] = defaultdict(list)
        self.called_back: set[str] = set()
        """The consumers that aiormq has called."""
        self._factory = LaneFactory(stand_before)
        self._broker = ScriptedBroker()
        self._ended: list[asyncio.Event] = []

    async def open(self) -> Self:
        await self._broker.listen()
        self._playing = asyncio.create_task(self._play())
        self._connection = self._factory.connection(URL(self._broker.url))
        await self._connection.connect()
        for number in CHANNELS:
            await self._consume_on(number)
        for tag in OURS if self._factory.lane is not None else ():
            self._factory.lane.cutter.add(tag, self._sink(tag))  # type: ignore[union-attr]
        return self

    async def hear(self, pieces: Iterable[bytes]) -> Self:
        """Until all of it has been handed over."""
        pulse = self._factory.pulse
        assert pulse is not None
        for piece in pieces:
            pulse.data_received(piece)
            await asyncio.sleep(0)
        for number in CHANNELS:
            pulse.data_received(delivery(number, b"", consumer_tag=LAST))
        for ended in self._ended:
            await ended.wait()
        return self

    async def close(self) -> None:
        await self._connection.close()
        await self._playing
        self._broker.close()

    async def _consume_on(self, number: int) -> None:
        channel = await (await self._connection.channel(publisher_confirms=False)).get_underlay_channel()
        assert channel.number == number
        for tag, on in (OURS | OTHERS).items():
            if on == number:
                await self._consume(channel, tag)
        ended = asyncio.Event()
        self._ended.append(ended)
        await channel.basic_consume("", lambda _: ended.set(), consumer_tag=LAST)  # type: ignore[arg-type,return-value]

    async def _consume(self, channel: AbstractChannel, tag: str) -> None:
        def take(message: DeliveredMessage) -> None:
            deliver = cast("spec.Basic.Deliver", message.delivery)
            self.called_back.add(tag)
            self.heard[tag].append(
                Delivered(
                    deliver.delivery_tag or 0,
                    bool(deliver.redelivered),
                    deliver.exchange or "",
                    deliver.routing_key or "",
                    dict(message.header.properties),
                    message.body,
                )
            )

        await channel.basic_consume("", take, consumer_tag=tag)  # type: ignore[arg-type]  # as in lease.py

    def _sink(self, tag: str) -> Callable[[int, bool, str, str, bytes, bytes], None]:
        def take(number: int, redelivered: bool, exchange: str, key: str, header: bytes, body: bytes) -> None:
            self.heard[tag].append(Delivered(number, redelivered, exchange, key, properties_in(header), body))

        return take

    async def _play(self) -> None:
        """The broker's part: a welcome, and an answer to each request, up to connection.close."""
        await self._broker.welcome()
        while True:
            channel, request = await self._broker.receive_on()
            match request:
                case spec.Channel.Open():
                    self._broker.send(spec.Channel.OpenOk(), channel)
                case spec.Basic.Consume():
                    self._broker.send(spec.Basic.ConsumeOk(request.consumer_tag), channel)
                case spec.Channel.Close():
                    self._broker.send(spec.Channel.CloseOk(), channel)
                case spec.Connection.Close():
                    self._broker.send(spec.Connection.CloseOk())
                    return
