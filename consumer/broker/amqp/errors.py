"""What a failed connection attempt means for a person: retry, or mend something first.

May know: the client library's exceptions and RabbitMQ's reply texts. May not know: who retries.
"""

import ssl

from aiormq import exceptions as amqp
from yarl import URL

from consumer.errors import BrokerAway, BrokerRefused, LastcallError

CONNECTION_ERRORS = (amqp.AMQPError, OSError, RuntimeError, EOFError)
"""What talking to a broker can raise: AMQP errors, the socket's, and aiormq's use-after-close (RuntimeError)."""


def masked(url: URL) -> str:
    """The address for people: without the password and without the query."""
    return str(url.with_query(None).with_password("***") if url.password else url.with_query(None))


def explain(error: BaseException, url: URL) -> LastcallError:
    """The error to raise for a connection attempt to `url` that failed with `error`."""
    where, cause = masked(url), error.__cause__
    if isinstance(error, amqp.AuthenticationError | amqp.ProbableAuthenticationError):
        return BrokerRefused(
            f"{where} refuses the user name or the password. Check LASTCALL_AMQP_URL (or AMQP_URL); "
            "note that RabbitMQ lets the user 'guest' in from localhost only, and that special characters "
            "in a password must be percent-encoded."
        )
    if isinstance(error, amqp.InvalidFrameError) and "Connection.Close" in str(error):
        return BrokerRefused(
            f"{where} closed the connection when the virtual host was opened: it does not exist, or the user "
            f"may not use it. Check the path of LASTCALL_AMQP_URL ('/' is written %2F), or let an operator run "
            "`rabbitmqctl add_vhost` and `rabbitmqctl set_permissions`."
        )
    if isinstance(error, ssl.SSLError) or isinstance(cause, ssl.SSLError):
        return BrokerRefused(
            f"{where}: TLS failed: {cause or error}. Check LASTCALL_TLS_CA_FILE (the CA that signed the broker's "
            "certificate), the host name in LASTCALL_AMQP_URL, and the client certificate if the broker asks for one."
        )
    return BrokerAway(f"{where} can't be reached: {reason(error)}")


def reason(error: BaseException) -> str:
    """One line that says what went wrong, whatever the library put into the exception."""
    parts = [str(part) for part in error.args if part not in (None, "")]
    return f"{type(error).__name__}: {' '.join(parts)}" if parts else type(error).__name__
