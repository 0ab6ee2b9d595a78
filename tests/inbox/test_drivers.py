"""Drivers are optional: none is imported before its inbox is named, and a missing one is told with the mend."""

import subprocess
import sys

import pytest

NO_DRIVER = """
import sys
sys.modules[{driver!r}] = None
from consumer.errors import ConfigurationError
try:
    from consumer.inbox import {inbox}
except ConfigurationError as error:
    print(error)
"""
NONE_NAMED = """
import sys
import consumer.inbox
print(*{"redis", "psycopg", "sqlite3"} & set(sys.modules))
"""


def output(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize(
    ("driver", "inbox", "extra"),
    [
        ("redis", "RedisInbox", "redis"),
        ("psycopg", "PostgresInbox", "postgres"),
        ("psycopg_pool", "PostgresInbox", "postgres"),
    ],
)
def test_a_missing_driver_is_told_with_what_to_install(driver: str, inbox: str, extra: str) -> None:
    assert f"pip install 'lastcall[{extra}]'" in output(NO_DRIVER.format(driver=driver, inbox=inbox))


def test_no_driver_is_imported_before_its_inbox_is_named() -> None:
    assert output(NONE_NAMED) == ""
