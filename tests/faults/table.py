"""The table at the end of a run: a row for each fault, a column for each moment.

May know: accounts. May not know: how they came to be.
"""

import pytest

from .moments import MOMENTS
from .play import Account

WIDTH = 24


class Table:
    """A cell: `ok 5.1 +0.4 (3)`, or `BROKEN ...`.

    Noticed (or, in a drain, left) 5.1 s after the fault; consuming again 0.4 s after its mend; 3 messages run again.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._rows: dict[str, dict[str, Account]] = {}

    def enter(self, fault: str, accounts: dict[str, Account]) -> None:
        """A row."""
        self._rows[fault] = accounts

    def lines(self) -> list[str]:
        """The table; nothing where no fault was played."""
        if not self._rows:
            return []
        names = [each.name for each in MOMENTS]
        rows = [(fault, *(_cell(accounts[name]) for name in names)) for fault, accounts in self._rows.items()]
        return ["".join(cell.ljust(WIDTH) for cell in row).rstrip() for row in [(self._title, *names), *rows]]


def _cell(account: Account) -> str:
    known = account.noticed_after if account.left_after is None else account.left_after
    parts = ["BROKEN" if account.problems else "ok", "" if known is None else f"{known:.1f}"]
    parts += ["" if account.back_after is None else f"+{account.back_after:.1f}"]
    parts += [f"({sum(count > 1 for count in account.books.runs().values())})"]
    codes = {worker.returncode for worker in account.books.workers}
    return " ".join(filter(None, [*parts, "" if codes == {0} else f"exit {sorted(map(str, codes))}"]))


TABLE = pytest.StashKey[Table]()
