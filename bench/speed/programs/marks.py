"""Tells whoever measures that the first, the warming, and the last message have been handled: a line each on stdout."""

import itertools
import os

URL = os.environ["BENCH_URL"]
QUEUE = os.environ["BENCH_QUEUE"]
COUNT = int(os.environ["BENCH_COUNT"])
PREFETCH = 100
BODY = {"id": "0123456789abcdefghij", "cents": 4200, "note": "n" * 140}

_told = {1, COUNT // 10, COUNT}
_next = itertools.count(1)  # one call, and atomic: handlers may be threads


def passed() -> None:
    number = next(_next)
    if number in _told:
        os.write(1, b"mark %d\n" % number)
