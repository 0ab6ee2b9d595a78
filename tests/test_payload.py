"""What a handler's signature promises: how it is read, and what is refused."""

import functools
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from consumer.errors import ConfigurationError
from consumer.payload import CallPlan, read_signature

if TYPE_CHECKING:
    Hidden = int


class Delivery:
    """Stands for the worker's own class: the reading is told which class it is."""


class Order(BaseModel):
    id: str
    cents: int = 0


class Unfinished(BaseModel):
    other: "NeverDefined"  # type: ignore[name-defined]  # noqa: F821 - the test is about such a name


def plan_of(function: Any) -> CallPlan:
    return read_signature(function, Delivery)


def handler_of(payload_type: Any) -> Any:
    def handler(payload): ...

    handler.__annotations__ = {"payload": payload_type}
    return handler


async def charge(order: Order, delivery: Delivery) -> None: ...


def charge_plainly(order: Order, *, gateway: str = "test") -> None: ...


def needs_gateway(order: Order, gateway: str) -> None: ...


@functools.wraps(charge)
def decorated_plainly(*args: Any, **kwargs: Any) -> Any:
    return charge(*args, **kwargs)


class Charger:
    async def __call__(self, order: Order, *, seen: Delivery) -> None: ...

    def method(self, orders: "list[Order]") -> None: ...


@pytest.mark.parametrize(
    ("function", "payload_type", "delivery_parameter", "is_async"),
    [
        (charge, Order, "delivery", True),
        (charge_plainly, Order, None, False),
        (Charger(), Order, "seen", True),
        (Charger().method, list[Order], None, False),
        (functools.partial(needs_gateway, gateway="test"), Order, None, False),
        (functools.partial(functools.partial(charge)), Order, "delivery", True),
        (decorated_plainly, Order, "delivery", True),
        (lambda payload: None, dict, None, False),
    ],
)
def test_every_kind_of_callable_is_read(function, payload_type, delivery_parameter, is_async):
    plan = plan_of(function)
    assert plan.takes_payload
    assert (plan.payload_type, plan.delivery_parameter, plan.is_async) == (
        payload_type,
        delivery_parameter,
        is_async,
    )


def test_a_handler_may_take_the_delivery_only():
    def handler(delivery: Delivery): ...

    plan = plan_of(handler)
    assert (plan.takes_payload, plan.delivery_parameter) == (False, "delivery")
    assert plan.decode(b"\xff not json") is None


def test_annotations_kept_as_text_are_read_too():
    def handler(order: "Order", delivery: "Delivery"): ...

    assert (plan_of(handler).payload_type, plan_of(handler).delivery_parameter) == (Order, "delivery")


def test_a_parameter_that_nobody_can_give_is_refused_by_name():
    with pytest.raises(ConfigurationError, match=r"Handler 'needs_gateway' takes 'gateway'"):
        plan_of(needs_gateway)


def test_a_delivery_before_the_payload_is_refused():
    def handler(delivery: Delivery, order: Order): ...

    with pytest.raises(ConfigurationError, match=r"takes 'order'.*the payload first"):
        plan_of(handler)


def test_a_payload_by_keyword_only_is_refused():
    def handler(*, order: Order): ...

    with pytest.raises(ConfigurationError, match="'order' by keyword only"):
        plan_of(handler)


def test_a_delivery_by_position_only_is_refused():
    def handler(order: Order, delivery: Delivery, /): ...

    with pytest.raises(ConfigurationError, match="'delivery' by position only"):
        plan_of(handler)


def test_a_decorator_that_hides_the_payload_is_refused_with_the_mend():
    def handler(*args): ...

    with pytest.raises(ConfigurationError, match=r"functools\.wraps"):
        plan_of(handler)


def test_a_generator_is_refused_since_a_call_would_run_nothing_of_it():
    async def handler(order: Order) -> AsyncIterator[None]:
        yield

    with pytest.raises(ConfigurationError, match="yield"):
        plan_of(handler)


def test_an_annotation_that_can_not_be_resolved_is_told_with_the_mend():
    def handler(order: "Hidden"): ...

    with pytest.raises(ConfigurationError, match=r"'Hidden' is not defined.*TYPE_CHECKING"):
        plan_of(handler)


def test_a_model_with_a_name_that_is_not_defined_is_refused_at_once_and_not_at_each_message():
    with pytest.raises(ConfigurationError, match="NeverDefined"):
        plan_of(handler_of(Unfinished))
