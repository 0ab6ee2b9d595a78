"""A worker that is the program itself, its handler in it: `python programs.py`; with UNGUARDED, also when imported."""

import os
import sys

from consumer import Worker

worker = Worker()


class OwnError(Exception):
    """Defined in `__main__`, as the handler is."""


@worker.handler("jobs", executor="process", concurrency=1)
def work(_body: bytes) -> None:
    sys.stderr.write(f"child {os.getpid()}\n")
    raise OwnError("its own")


if __name__ == "__main__" or "UNGUARDED" in os.environ:
    sys.exit(worker.run())
