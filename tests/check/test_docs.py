"""docs/check.md is what the code finds: no rule is missing there, and none is made up."""

from pathlib import Path

from consumer.check.book import RULES, table

PAGE = Path(__file__).parents[2] / "docs" / "check.md"
TESTS = Path(__file__).parent


def test_the_page_has_every_rule_as_the_code_has_it() -> None:
    assert table() in PAGE.read_text()


def test_every_rule_has_a_code_of_its_own() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES)


def test_every_rule_is_found_by_some_test() -> None:
    tests = "".join(path.read_text() for path in TESTS.glob("test_*.py"))
    assert [rule.code for rule in RULES if f'"{rule.code}"' not in tests] == []
