"""Broker addresses as text: several in one setting, checked, and shown without their password.

May know: the form of an AMQP URL. May not know: settings, sockets, the broker.
"""

import re
from urllib.parse import urlsplit

_SCHEMES = ("amqp", "amqps")
_BETWEEN_ADDRESSES = re.compile(r"\s*,\s*(?=[a-z][a-z0-9+.-]*://)", re.IGNORECASE)
_PASSWORD = re.compile(r"://([^:@]*):.*@", re.DOTALL)


def split_addresses(text: str) -> tuple[str, ...]:
    """Split `amqp://a/,amqp://b/` into its addresses; a comma inside a password splits nothing."""
    return tuple(_BETWEEN_ADDRESSES.split(text.strip(", ")))


def masked(url: str) -> str:
    """One address, fit to be shown: its password (everything that might be one) becomes `***`."""
    return _PASSWORD.sub(r"://\1:***@", url)


def check_addresses(text: str) -> None:
    """Make sure that each address can be dialled.

    Raises:
        ValueError: An address is malformed; the text says which and what it takes, but quotes nothing of it.
    """
    for number, address in enumerate(split_addresses(text), start=1):
        if problem := _problem(address):
            raise ValueError(f"Address {number} {problem}; it takes amqp://user:password@host:port/vhost (or amqps)")


def check_management(url: str) -> None:
    """Make sure that the management API's address can be asked.

    Raises:
        ValueError: It is malformed; the text says what it takes, but quotes nothing of it.
    """
    try:
        parts = urlsplit(url)
        fits, _port = parts.scheme in {"http", "https"} and bool(parts.hostname), parts.port
    except ValueError:
        fits = False
    if not fits:
        raise ValueError("It takes http://user:password@host:15672 (or https), special characters percent-encoded")


def _problem(address: str) -> str | None:
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "has a malformed host or port (a password with / ? # @ or : in it must be percent-encoded)"
    if parts.scheme not in _SCHEMES:
        return "does not start with amqp:// or amqps://"
    if not host:
        return "names no host"
    if "," in host:
        return "names two hosts (each of several addresses needs its own amqp://)"
    if "@" in parts.path + parts.query or parts.fragment:
        return "has an unencoded / ? # or @ (percent-encode it, in a password or in the vhost)"
    return None
