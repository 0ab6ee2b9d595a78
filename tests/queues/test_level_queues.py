"""Level queues that cannot be had as they are needed fail the publish for good, with the mend."""

import pytest

from consumer.broker.amqp import AmqpBroker
from consumer.core.delays import Delay
from consumer.core.delivery import Outgoing
from consumer.errors import PublishFailed
from tests.contract.sides import within
from tests.queues.conftest import Bench

pytestmark = pytest.mark.broker


async def failure(broker: AmqpBroker, name: str) -> PublishFailed:
    publisher = broker.publisher()
    with pytest.raises(PublishFailed) as failed:
        await within(publisher.publish_later(Outgoing(b"a", name), 0.1))
    await publisher.close()
    return failed.value


async def test_one_with_other_arguments_is_named_and_left_alone(bench: Bench) -> None:
    delay = Delay(bench.name(), 0.1)
    await bench.declare({**delay.declaration, "x-message-ttl": 5}, delay.name)
    failed = await failure(bench.broker, delay.queue)
    assert failed.permanent
    assert f"delete_queue {delay.name}" in str(failed)


async def test_one_that_may_not_be_declared_is_named_with_its_arguments(
    bench: Bench, user_who_may_not_configure: AmqpBroker
) -> None:
    delay = Delay(bench.name(), 0.1)
    failed = await failure(user_who_may_not_configure, delay.queue)
    assert failed.permanent
    assert delay.name in str(failed)
    assert "'x-message-ttl': 1000" in str(failed)


async def test_one_that_an_operator_has_made_is_used_without_the_permission_to_declare_it(
    bench: Bench, user_who_may_not_configure: AmqpBroker
) -> None:
    delay = Delay(bench.name(), 0.1)
    await bench.declare(dict(delay.declaration), delay.name)
    publisher = user_who_may_not_configure.publisher()
    await within(publisher.publish_later(Outgoing(b"a", delay.queue), 0.1))
    await publisher.close()
