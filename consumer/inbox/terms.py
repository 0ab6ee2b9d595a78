"""What the three inboxes share: the defaults of their terms and the check of them, and keys that every store can hold.

May know: the errors. May not know: any store.
"""

from consumer.errors import ConfigurationError

LEASE = 60.0
KEEP = 7 * 24 * 3600.0
TIMEOUT = 5.0

CLAIMS_BETWEEN_PURGES = 100
PURGED_AT_ONCE = 1000
"""More than can have been added since the last purge, so that a backlog shrinks."""


def check_terms(lease: float, keep: float, timeout: float) -> None:
    """Make sure that the terms make sense together.

    Raises:
        ConfigurationError: They don't; the text names the one to change.
    """
    if lease <= 0:
        raise ConfigurationError(f"lease={lease:g}: it takes seconds, more than 0 (the default is {LEASE:g})")
    if keep < lease:
        raise ConfigurationError(f"keep={keep:g}: a message must be remembered for its lease of {lease:g} s at least")
    if timeout <= 0:
        raise ConfigurationError(f"timeout={timeout:g}: it takes seconds, more than 0 (the default is {TIMEOUT:g})")


def storable(key: str) -> str:
    r"""The key without what a store can't hold (NUL, lone surrogates), still different from every other key's."""
    escaped = key.replace("\\", "\\\\").replace("\0", "\\0")
    return escaped.encode("utf-8", "backslashreplace").decode()
