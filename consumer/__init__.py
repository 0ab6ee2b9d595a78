"""Lastcall: RabbitMQ workers that finish what they started.

The public surface is what this file names. It is imported on first use (PEP 562), so that the command
can own the signals before anything slow is imported.
"""

from typing import TYPE_CHECKING

from consumer._version import __version__

if TYPE_CHECKING:
    from consumer.core.queue import Binding, Queue
    from consumer.core.retry import RetryPolicy
    from consumer.delivery import Delivery
    from consumer.errors import (
        BrokerAway,
        BrokerRefused,
        ClaimLost,
        ConfigurationError,
        HandlerProcessDied,
        InboxAway,
        LastcallError,
        Park,
        PublishFailed,
        Requeue,
        Retry,
    )
    from consumer.settings import Settings
    from consumer.worker import Worker

__all__ = [
    "Binding",
    "BrokerAway",
    "BrokerRefused",
    "ClaimLost",
    "ConfigurationError",
    "Delivery",
    "HandlerProcessDied",
    "InboxAway",
    "LastcallError",
    "Park",
    "PublishFailed",
    "Queue",
    "Requeue",
    "Retry",
    "RetryPolicy",
    "Settings",
    "Worker",
    "__version__",
]

_HOMES = {
    "Binding": "consumer.core.queue",
    "Delivery": "consumer.delivery",
    "Queue": "consumer.core.queue",
    "RetryPolicy": "consumer.core.retry",
    "Settings": "consumer.settings",
    "Worker": "consumer.worker",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - importing late is this function's purpose

    return getattr(import_module(_HOMES.get(name, "consumer.errors")), name)


def __dir__() -> list[str]:
    return sorted(__all__)
