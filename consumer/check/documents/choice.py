"""Which of the places that may run the worker are taken to: those that name it, if any does.

May know: what commands run. May not know: where they were read, rules.
"""

from collections.abc import Iterator, Sequence

from consumer.check.finding import Unchecked
from consumer.check.subject import Launch
from consumer.check.words import other_worker, runs


def chosen(found: Sequence[Launch | Unchecked], target: str) -> Iterator[Launch | Unchecked]:
    """The launches of the target; of the others it is said that they were left out."""
    launches = [each for each in found if isinstance(each, Launch)]
    yield from (each for each in found if isinstance(each, Unchecked))
    is_named = any(runs(each.command, target) for each in launches)
    for each in launches:
        other = other_worker(each.command, target)
        if other is not None or (is_named and not runs(each.command, target)):
            runs_what = f"it runs {other}" if other else f"it doesn't name {target}, and another container does"
            yield Unchecked(f"container {each.where}", f"{runs_what}: check that one by itself")
        else:
            yield each
