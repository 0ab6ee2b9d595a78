"""What is found out about queues that others have declared, and that looking changes nothing."""

from typing import Any

import pytest

from consumer.broker.amqp import AmqpBroker
from consumer.core.facts import DEFAULT_DELIVERY_LIMIT
from consumer.core.queue import UNREACHABLE_DELIVERY_LIMIT
from consumer.errors import BrokerRefused
from tests.queues.conftest import Bench

pytestmark = pytest.mark.broker
QUORUM = {"x-queue-type": "quorum"}
TTL = {"x-message-ttl": 70_000, "x-max-length": 5, "x-overflow": "reject-publish"}


@pytest.mark.parametrize("more", [{}, TTL], ids=["bare", "with more"])
@pytest.mark.parametrize("limit", [0, 5, 100_000, -1])
async def test_a_delivery_limit_is_found_out(bench: Bench, limit: int, more: dict[str, object]) -> None:
    facts = await bench.facts(await bench.declare({**QUORUM, "x-delivery-limit": limit, **more}))
    if limit >= 0:
        assert (facts.kind, facts.delivery_limit, facts.limit_source) == ("quorum", limit, "argument")
    else:
        assert facts.delivery_limit == (None if facts.version >= (4, 0) else 0)
    assert not facts.declared_here


async def test_without_one_the_default_of_the_version_holds(bench: Bench) -> None:
    facts = await bench.facts(await bench.declare(QUORUM))
    assert facts.delivery_limit == (DEFAULT_DELIVERY_LIMIT if facts.version >= (4, 0) else None)
    assert facts.nack_is_free == facts.counts_failures_only == (facts.version >= (4, 3))


@pytest.mark.parametrize("kind", ["quorum", "classic"])
@pytest.mark.parametrize("dead_letters", [True, False])
async def test_a_dead_letter_exchange_is_found_out(bench: Bench, kind: str, dead_letters: bool) -> None:
    more = {"x-dead-letter-exchange": "it's elsewhere"} if dead_letters else {}
    facts = await bench.facts(await bench.declare({"x-queue-type": kind, **more}))
    assert (facts.kind, facts.dead_letters, facts.policies_known) == (kind, dead_letters, False)


async def test_a_queue_that_vanishes_while_it_is_looked_at_is_not_made_by_looking(bench: Bench) -> None:
    name = bench.name()
    channel = await bench.channel()
    refused: list[dict[str, Any]] = [{"x-queue-type": "lastcall-probe"}, {**QUORUM, "x-max-age": "lastcall-probe"}]
    for arguments in refused:
        with pytest.raises(Exception, match="PRECONDITION_FAILED"):
            await channel.queue_declare(name, durable=True, arguments=arguments)
        channel = await bench.channel()
    with pytest.raises(Exception, match="NOT_FOUND"):
        await channel.queue_declare(name, passive=True)


async def test_without_the_permission_to_look_the_worst_is_assumed(
    bench: Bench, user_who_may_not_configure: AmqpBroker
) -> None:
    name = await bench.declare({**QUORUM, "x-delivery-limit": 500})
    await bench.declare(QUORUM, f"{name}.parked")
    facts = await bench.facts(name, user_who_may_not_configure)
    assert (facts.kind, facts.dead_letters) == ("unknown", None)
    assert facts.delivery_limit == (DEFAULT_DELIVERY_LIMIT if facts.version >= (4, 0) else None)


async def test_without_the_permission_to_declare_the_start_says_what_to_give(
    bench: Bench, user_who_may_not_configure: AmqpBroker
) -> None:
    with pytest.raises(BrokerRefused, match="set_permissions"):
        await bench.facts(bench.name(), user_who_may_not_configure)


@pytest.mark.parametrize("length", [60, 69, 100, 200, 240])
async def test_a_queue_of_ours_is_known_again_however_long_its_name(bench: Bench, length: int) -> None:
    """RabbitMQ cuts what it answers after 255 bytes, with the name in it."""
    name = bench.name(prefix="t" * (length - 13))
    assert (await bench.facts(name)).declared_here
    facts = await bench.facts(name)
    assert (facts.kind, facts.delivery_limit, facts.declared_here) == ("quorum", UNREACHABLE_DELIVERY_LIMIT, False)


async def test_what_is_cut_off_and_not_as_we_would_have_it_is_not_known(bench: Bench) -> None:
    name = bench.name(prefix="t" * 60)
    await bench.declare({**QUORUM, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "k" * 200}, name)
    assert (await bench.facts(name)).kind == "unknown"
