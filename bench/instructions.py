"""Instructions per delivery of the pure parts, counted by valgrind: `make bench-instructions`.

A count is the same on a busy machine as on an idle one, so it can be compared between commits, to half a per cent. It
says nothing of caches, of the kernel, or of the event loop. What is counted: micro/work.py, a turn of a hundred
deliveries of 200 bytes, from the bytes that arrive to the bytes of their ack. The interpreter's start and the imports
fall out as the difference of two runs.

May know: valgrind, the kept count. May not know: what the work consists of.
"""

import argparse
import gc
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.micro.work import PREFETCHED, Work, deliveries

HERE = Path(__file__).parents[1]
BASELINE = HERE / "bench" / "instructions.json"
WARM_UP, TURNS = 5, 20
"""Turns before it counts (the interpreter specialises, caches fill), and turns that count."""
ALLOWED = 0.05
"""How much more than the kept count is no failure."""
VALGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
COUNTED = ("pamqp", "pydantic", "pydantic-core")
"""Packages whose code is in the count."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description="Instructions per delivery.")
    parser.add_argument("--keep", action="store_true", help="keep this count as the one to compare with")
    parser.add_argument("--against", metavar="COMMIT", help="count there too, and compare with that")
    parser.add_argument("--rounds", type=int, default=1, help="count so often, and show the spread")
    parser.add_argument("--turns", type=int, help=argparse.SUPPRESS)  # what the counted process is given
    options = parser.parse_args()
    if options.turns is not None:
        work(options.turns)
        return 0
    if shutil.which(VALGRIND[0]) is None:
        print("valgrind is not here. Type: sudo apt-get install -y valgrind", file=sys.stderr)
        return 2
    counts = sorted(per_delivery(HERE) for _ in range(options.rounds))
    count = counts[len(counts) // 2]
    print(f"{count:,} instructions per delivery" + spread(counts))
    if options.keep:
        BASELINE.write_text(json.dumps({"instructions": count, "of": build()}, indent=2) + "\n")
        return 0
    return compared(count, counted_at(options.against)) if options.against else compared_with_the_kept(count)


def work(turns: int) -> None:
    """The counted process: without garbage collections, which come when they like."""
    gc.disable()
    data, pure = deliveries(), Work()
    for _ in range(WARM_UP + turns):
        pure.turn(data)


def per_delivery(directory: Path) -> int:
    return round((instructions(directory, TURNS) - instructions(directory, 0)) / (TURNS * PREFETCHED))


def instructions(directory: Path, turns: int) -> int:
    """Of a whole process that does so many turns of the code there, after it is warm."""
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONMALLOC": "pymalloc", "PYTHONDONTWRITEBYTECODE": "1"}
    command = (*VALGRIND, sys.executable, "-m", "bench.instructions", "--turns", str(turns))
    ran = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    found = re.search(r"I\s+refs:\s+([\d,]+)", ran.stderr)
    if ran.returncode or found is None:
        raise SystemExit(f"valgrind did not count:\n{ran.stderr}")
    return int(found[1].replace(",", ""))


def spread(counts: list[int]) -> str:
    return (
        f" (of {len(counts)}: {counts[0]:,} to {counts[-1]:,}, {counts[-1] / counts[0] - 1:.2%})" if counts[1:] else ""
    )


def build() -> dict[str, str]:
    """What must be the same for two counts to be comparable."""
    return {"python": sys.version, "machine": platform.machine()} | {name: version(name) for name in COUNTED}


def counted_at(commit: str) -> int:
    """The count of another commit, by this interpreter."""
    with TemporaryDirectory() as directory:
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", directory, commit], cwd=HERE, check=True)
        try:
            return per_delivery(Path(directory))
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", directory], cwd=HERE, check=True)


def compared_with_the_kept(count: int) -> int:
    """As `compared`; 0 as well where the two are not comparable, which is said."""
    if not BASELINE.exists():
        print("no count is kept to compare with: --keep keeps one")
        return 0
    kept = json.loads(BASELINE.read_text())
    differing = [name for name, of in build().items() if kept["of"].get(name) != of]
    if differing:
        print(f"the kept count, {kept['instructions']:,}, is of another build ({', '.join(differing)}): not comparable")
        return 0
    return compared(count, kept["instructions"])


def compared(count: int, before: int) -> int:
    """0: not much more than before; 1: more."""
    more = count / before - 1
    print(f"{more:+.1%} against {before:,} (allowed: {ALLOWED:+.0%})")
    return int(more > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
