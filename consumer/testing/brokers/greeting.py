"""Asks a port whether a RabbitMQ stands behind it: AMQP's greeting and no more.

May know: the first bytes of AMQP 0-9-1. May not know: any client library, how the broker was started.
"""

import socket

_PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
_METHOD_FRAME_ON_CHANNEL_0 = b"\x01\x00\x00"
_CONNECTION_START = b"\x00\x0a\x00\x0a"


def greet(host: str, port: int, *, timeout: float = 5.0) -> None:
    """Return when the broker at `host`:`port` answers the protocol header with Connection.Start.

    Args:
        host: name or address.
        port: TCP port, without TLS.
        timeout: seconds for the connection and for each answer.

    Raises:
        OSError: nothing listens there, or it did not answer in time, or what answered is no AMQP 0-9-1 broker.
    """
    with socket.create_connection((host, port), timeout) as connection, connection.makefile("rb") as answers:
        connection.sendall(_PROTOCOL_HEADER)
        frame = answers.read(11)
    if frame[:3] != _METHOD_FRAME_ON_CHANNEL_0 or frame[7:] != _CONNECTION_START:
        raise ConnectionError(f"{host}:{port} did not greet as an AMQP 0-9-1 broker does, it said {frame!r}")
