"""Which transport the suites run on: the fast lane, or what LASTCALL_TRANSPORT says (see `make test-plain`).

May know: the environment, as a worker would see it. May not know: what is tested.
"""

import os
from typing import get_args

from consumer.broker.amqp.broker import Transport

CHOSEN: Transport = next((each for each in get_args(Transport) if each == os.environ.get("LASTCALL_TRANSPORT")), "fast")


def clean_environment() -> dict[str, str]:
    """The environment for a process of the test's: none of our settings in it but the transport."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("LASTCALL_") and k != "AMQP_URL"}
    return {**inherited, "LASTCALL_TRANSPORT": CHOSEN}
