"""A message whose properties can't be decoded is one message's trouble, not its connection's."""

import pytest
from pamqp import commands as spec
from pamqp.header import ContentHeader

from consumer.broker.amqp.convert import properties_in

NANOSECONDS = 1_700_000_000_000_000_000
"""What time.time_ns() gave in 2023; read as the milliseconds that pamqp takes it for, the year 53872825."""


@pytest.mark.xfail(strict=True, raises=ValueError, reason="closes the connection, again after each reconnect")
def test_a_timestamp_beyond_the_calendar_is_left_out_and_the_rest_is_there() -> None:
    header = ContentHeader(properties=spec.Basic.Properties(message_id="m-1", app_id="shop")).marshal()
    flags = int.from_bytes(header[12:14]) | spec.Basic.Properties.flags["timestamp"]
    message_id = header[14 : 14 + len("m-1") + 1]
    app_id = header[14 + len(message_id) :]
    read = properties_in(header[:12] + flags.to_bytes(2) + message_id + NANOSECONDS.to_bytes(8) + app_id)
    assert (read.message_id, read.timestamp) == ("m-1", None)
