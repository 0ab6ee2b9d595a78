"""The image, built once for all that deploy it."""

import secrets
from collections.abc import Iterator

import pytest

from tests.deploy import engine


@pytest.fixture(scope="session")
def images() -> None:
    """The engine, the broker's image and the Python base are here."""
    engine.images_or_skip()


@pytest.fixture(scope="session")
def image(images: None) -> Iterator[str]:
    """The tag of deploy/Dockerfile as it is now."""
    tag = engine.build(f"lastcall-test:{secrets.token_hex(4)}")
    yield tag
    engine.run("docker", "rmi", tag)


@pytest.fixture(scope="module")
def bridge_broker(images: None) -> Iterator[engine.BridgeBroker]:
    """A RabbitMQ that containers and this machine reach at one address."""
    with engine.bridge_broker() as broker:
        yield broker
