"""What the management API adds to the facts, and that nothing depends on it."""

import logging
import secrets
from collections.abc import Iterator

import pytest
from tenacity import AsyncRetrying, retry_if_result, stop_after_delay, wait_fixed

from consumer.broker.amqp import AmqpBroker
from consumer.broker.management import Management
from consumer.broker.port import Tls
from consumer.core.facts import QueueFacts, facts_of
from consumer.core.queue import Queue
from tests.queues.api import Api
from tests.queues.conftest import Bench

pytestmark = pytest.mark.broker
QUORUM = {"x-queue-type": "quorum"}


@pytest.fixture
def policy(api: Api) -> Iterator[str]:
    """The prefix of queues whose delivery limit is 7, and who have a dead-letter exchange, by policy."""
    prefix = f"t-queues-{secrets.token_hex(6)}"
    definition = {"delivery-limit": 7, "dead-letter-exchange": "dlx"}
    api.ask("PUT", "policies", api.vhost, prefix, pattern=f"^{prefix}", definition=definition)
    yield prefix
    api.ask("DELETE", "policies", api.vhost, prefix)


async def refined(bench: Bench, api: Api, name: str) -> QueueFacts:
    return await once_known(await bench.facts(name), api, name)


async def once_known(facts: QueueFacts, api: Api, name: str) -> QueueFacts:
    """The facts, once the management API knows of policies: at once from 4.3 on, before that with its statistics.

    Those come every 5 seconds, and nothing tells when.
    """
    management = Management(api.url, api.vhost, Tls())
    until_known = AsyncRetrying(
        retry=retry_if_result(lambda found: not found.policies_known), wait=wait_fixed(0.2), stop=stop_after_delay(20)
    )
    return await until_known(management.refined, facts, Queue(name))


async def test_a_policy_is_taken_into_account(bench: Bench, api: Api, policy: str) -> None:
    name = await bench.declare(QUORUM, bench.name(policy))
    facts = await refined(bench, api, name)
    assert (facts.delivery_limit, facts.limit_source, facts.dead_letters) == (7, "policy", True)


async def test_without_a_policy_the_arguments_stand(bench: Bench, api: Api) -> None:
    name = await bench.declare({**QUORUM, "x-delivery-limit": 9})
    facts = await refined(bench, api, name)
    assert (facts.kind, facts.delivery_limit, facts.limit_source) == ("quorum", 9, "argument")
    assert facts.dead_letters is False


async def test_a_queue_that_its_user_may_not_look_at_is_known_by_the_management_api(
    bench: Bench, api: Api, user_who_may_not_configure: AmqpBroker
) -> None:
    name = await bench.declare({"x-queue-type": "classic"})
    await bench.declare(QUORUM, f"{name}.parked")
    cautious = await bench.facts(name, user_who_may_not_configure)
    facts = await Management(api.url, api.vhost, Tls()).refined(cautious, Queue(name))
    assert (cautious.kind, facts.kind) == ("unknown", "classic")


@pytest.mark.parametrize(
    "url", ["http://u:secret@127.0.0.1:9", "http://nobody:secret@{}", "https://u:secret@{}"], ids=["down", "401", "tls"]
)
async def test_where_it_cannot_be_asked_one_warning_says_so_and_the_facts_stand(
    api: Api, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="lastcall")
    facts = facts_of((4, 0), QUORUM)
    management = Management(url.format(api.netloc), api.vhost, Tls())
    for _ in range(3):
        assert await management.refined(facts, Queue("orders")) == facts
    (warning,) = caplog.messages
    assert "LASTCALL_MANAGEMENT_URL" in warning
    assert "secret" not in warning
