"""What a failed connection attempt means for a person: retry, or mend something first.

May know: the client library's exceptions and RabbitMQ's reply texts. May not know: who retries.
"""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from aiormq import exceptions as amqp
from yarl import URL

from consumer.broker.amqp.cutter import Farewell
from consumer.errors import BrokerAway, BrokerRefused, LastcallError

CONNECTION_ERRORS = (amqp.AMQPError, OSError, RuntimeError, EOFError, ValueError)
"""What talking to a broker can raise: AMQP errors, the socket's, aiormq's use-after-close (RuntimeError), and
what pamqp says of bytes that it can't decode (ValueError)."""


@contextmanager
def cancellations_of_the_client() -> Iterator[None]:
    """Makes a ConnectionError of a CancelledError that nobody sent to this task.

    When the peer is silent for too long aiormq rejects every RPC that is under way with a CancelledError of its own,
    which would end whoever waits as if they had been cancelled themselves.
    """
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise ConnectionError("the client gave the connection up: no heartbeat from the broker, perhaps") from error


@contextmanager
def consuming(queue: str, address: str) -> Iterator[None]:
    """Says in the port's words what went wrong with a basic.consume: raises BrokerRefused or BrokerAway."""
    try:
        with cancellations_of_the_client():
            yield
    except amqp.ChannelAccessRefused as error:
        raise BrokerRefused(
            f"{address}: the user may not consume {queue!r}, or another consumer has it for itself "
            f"({reason(error)}). Give the user the read permission (`rabbitmqctl set_permissions`)."
        ) from error
    except CONNECTION_ERRORS as error:
        raise BrokerAway(f"{address}: can't consume {queue!r}: {reason(error)}") from error


def masked(url: URL) -> str:
    """The address for people: without the password and without the query."""
    return str(url.with_query(None).with_password("***") if url.password else url.with_query(None))


def explain(error: BaseException, url: URL, farewell: Farewell | None = None) -> LastcallError:
    """The error to raise for a connection attempt to `url` that failed; `farewell` is the broker's own word, if any."""
    where, cause = masked(url), error.__cause__
    if isinstance(error, amqp.AuthenticationError | amqp.ProbableAuthenticationError):
        return BrokerRefused(
            f"{where} refuses the user name or the password. Check LASTCALL_AMQP_URL (or AMQP_URL); "
            "note that RabbitMQ lets the user 'guest' in from localhost only, and that special characters "
            "in a password must be percent-encoded."
        )
    if farewell is not None and not farewell.is_final:
        return BrokerAway(f"{where} closed the connection: {farewell.text}")
    if isinstance(error, amqp.InvalidFrameError) and "Connection.Close" in str(error):
        said = f" It said: {farewell.text}." if farewell is not None else ""
        return BrokerRefused(
            f"{where} closed the connection when the virtual host was opened: it does not exist, or the user "
            f"may not use it. Check the path of LASTCALL_AMQP_URL ('/' is written %2F), or let an operator run "
            f"`rabbitmqctl add_vhost` and `rabbitmqctl set_permissions`.{said}"
        )
    if isinstance(error, ssl.SSLError) or isinstance(cause, ssl.SSLError):
        return BrokerRefused(
            f"{where}: TLS failed: {cause or error}. Check LASTCALL_TLS_CA_FILE (the CA that signed the broker's "
            "certificate), the host name in LASTCALL_AMQP_URL, and the client certificate if the broker asks for one."
        )
    hint = ""
    if url.scheme == "amqps" and not isinstance(error, ConnectionRefusedError):
        hint = " (if it asks for a client certificate: LASTCALL_TLS_CERT_FILE and LASTCALL_TLS_KEY_FILE)"
    return BrokerAway(f"{where} can't be reached: {reason(error)}{hint}")


def reason(error: BaseException) -> str:
    """One line that says what went wrong, whatever the library put into the exception."""
    parts = [str(part) for part in error.args if part not in (None, "")]
    return f"{type(error).__name__}: {' '.join(parts)}" if parts else type(error).__name__
