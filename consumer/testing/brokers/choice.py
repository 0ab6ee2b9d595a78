"""Chooses the broker: the one that the environment names, else a container, else the machine's own server.

May know: the environment's variables and the three providers by name. May not know: how any of them works.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from consumer.addresses import masked
from consumer.testing.brokers.handle import BrokerHandle, BrokerUnavailable

_log = logging.getLogger(__name__)

Say = Callable[[str], None]
Provider = Callable[[Say], AbstractContextManager[BrokerHandle]]


@contextmanager
def provide(say: Say = _log.info) -> Iterator[BrokerHandle]:
    """A RabbitMQ for as long as the block lasts; what was started for it is gone afterwards.

    The first that can be had: the broker at `LASTCALL_AMQP_URL` or `AMQP_URL`; a container of the image
    `LASTCALL_BROKER_IMAGE` (default ``rabbitmq:4-management``); the machine's ``rabbitmq-server`` as a private child
    process. `LASTCALL_BROKER` set to ``given``, ``container`` or ``embedded`` leaves no choice.

    Args:
        say: told each step in a line: what is started, why, and how long it may take.

    Raises:
        BrokerUnavailable: none can be had; the message says for each kind why, and what to do.
    """
    with ExitStack() as stack:
        yield _first_available(_candidates(), say, stack)


def _candidates() -> dict[str, Provider]:
    providers: dict[str, Provider] = {"given": _given, "container": _container, "embedded": _embedded}
    kind = os.environ.get("LASTCALL_BROKER") or ("given" if _given_url() else None)
    if kind is None:
        return {"container": _container, "embedded": _embedded}
    if kind not in providers:
        raise BrokerUnavailable(f"LASTCALL_BROKER is {kind!r}: set it to one of {', '.join(providers)}, or unset it")
    return {kind: providers[kind]}


def _first_available(candidates: dict[str, Provider], say: Say, stack: ExitStack) -> BrokerHandle:
    reasons = []
    for kind, provider in candidates.items():
        try:
            return stack.enter_context(provider(say))
        except BrokerUnavailable as unavailable:
            say(f"no {kind} broker: {unavailable}")
            reasons.append(f"{kind}: {unavailable}")
    raise BrokerUnavailable("no RabbitMQ can be had\n  " + "\n  ".join(reasons))


def _given_url() -> str | None:
    return os.environ.get("LASTCALL_AMQP_URL") or os.environ.get("AMQP_URL") or None


@contextmanager
def _given(say: Say) -> Iterator[BrokerHandle]:
    url = _given_url()
    if url is None:
        raise BrokerUnavailable("AMQP_URL is not set: set it to amqp://user:password@host:5672/vhost")
    say(f"using the broker that the environment names, {masked(url)}")
    yield BrokerHandle(url, "given", f"the broker at {masked(url)}")


def _container(say: Say) -> AbstractContextManager[BrokerHandle]:
    try:
        from consumer.testing.brokers.container import container_broker  # noqa: PLC0415 (needs the extra `testing`)
    except ModuleNotFoundError as missing:
        raise BrokerUnavailable(f"{missing.name} is not installed: pip install 'lastcall[testing]'") from missing
    return container_broker(say)


def _embedded(say: Say) -> AbstractContextManager[BrokerHandle]:
    from consumer.testing.brokers.embedded import embedded_broker  # noqa: PLC0415 (loaded only where it is used)

    return embedded_broker(say)
