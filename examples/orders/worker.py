"""The demo's worker: it charges orders and mails receipts.

`lastcall run examples.orders.worker:worker` starts it; ORDERS_DB says where the books are.
"""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from consumer import Delivery, Worker
from examples.orders.shop import Shop

worker = Worker()
shop = Shop(Path(os.environ.get("ORDERS_DB", "orders.sqlite3")))


class Order(BaseModel):
    """What a customer wants to pay for."""

    id: str
    cents: int
    email: str


@dataclass
class Receipt:
    """What a customer gets by mail."""

    order_id: str
    email: str


@worker.lifespan
async def books() -> AsyncIterator[None]:
    with shop.opened():
        yield


@worker.handler("orders", concurrency=8)
async def charge(order: Order, delivery: Delivery) -> None:
    await asyncio.sleep(random.uniform(0.020, 0.080))  # the payment provider
    await shop.charge(delivery.message_id or order.id, order.id, order.cents)


@worker.handler("receipts", concurrency=4)
def mail(receipt: Receipt, delivery: Delivery) -> None:
    time.sleep(random.uniform(0.010, 0.030))  # the mail server
    shop.receipt(delivery.message_id or receipt.order_id, receipt.order_id, receipt.email)
