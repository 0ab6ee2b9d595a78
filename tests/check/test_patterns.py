"""A pattern of a policy or a permission is matched as RabbitMQ would; one that would take for ever is not begun."""

import pytest

from consumer.check.patterns import Unjudged, matches
from tests.check.subjects import checked, codes, spoiled
from tests.check.test_permissions import PERMISSION
from tests.check.test_queues_that_lose import BARE, POLICY

LONG = "a" * 254 + "!"
FOR_EVER = [
    "^(?!b)(a+)+$",
    r"^(a|a?)+\1$",
    "(?=a)a?a?a?a?a?a?b",
    "(?<=a).*.*.*.*x",
    "^(?!b)(a{1,9}){1,99}$",
    "(?x)(?!b)(a+) +$",
    "(?!b)(?ix:(a+)#c\n+$)",
    "(?!b)(a+)(?#c)+$",
    r"(?!b)(a+)(?#\)+$",
]


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        (r"^orders(\.parked|\.retry\..*)?$", "orders.retry.1s", True),
        (r"^orders(\.parked|\.retry\..*)?$", "mails", False),
        ("", "orders", True),
        ("der", "orders", True),
        (r"^(?!amq\.).*", "orders", True),
        (r"^(?!amq\.).*", "amq.direct", False),
        (r"^(?!(amq|rpc)\.)", "rpc.reply", False),
        (r"^orders\Z", "orders", True),
        ("^[[:alpha:]]+$", "orders", True),
        ("^(a+)+$", LONG, False),
        (".*.*.*.*.*.*.*x", LONG, False),
        ("(a|a)" * 60 + "b", LONG, False),
    ],
)
def test_it_is_found_where_rabbitmq_finds_it(pattern: str, name: str, found: bool) -> None:
    assert matches(pattern, name) is found


@pytest.mark.parametrize("pattern", [*FOR_EVER, "(", "a{99999999999}", "(?<name>x)(?&name)"])
def test_what_would_take_for_ever_or_cannot_be_read_is_not_judged(pattern: str) -> None:
    with pytest.raises(Unjudged):
        matches(pattern, LONG)


@pytest.mark.parametrize("pattern", [*FOR_EVER, "(", "a{99999999999}"])
def test_a_check_of_such_a_pattern_ends_and_says_so(pattern: str) -> None:
    permission = checked(spoiled(PERMISSION, "spec.permissions.read", pattern))
    policy = checked(BARE, spoiled(POLICY, "spec.pattern", pattern))
    for report in (permission, policy):
        assert codes(report) == []
        assert any("can't be judged" in each.why for each in report.unchecked)
