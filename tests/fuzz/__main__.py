"""Fuzzes with atheris: `python -m tests.fuzz LOOK SECONDS` (`make fuzz`; LOOK: cutter or properties).

What fails is kept as .cache/fuzz/LOOK-crash-*; as tests/fuzz/found/LOOK-what-was-wrong it is replayed for ever.
"""

import sys
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["consumer.broker.amqp"]):
    from tests.fuzz.looks import LOOKS
from tests.fuzz.mutations import mutated
from tests.fuzz.seeds import seeds

CACHE = Path(".cache/fuzz")
LONGEST = 4096
"""Bytes of an input."""


def main(look: str, seconds: str) -> None:
    corpus = CACHE / look
    corpus.mkdir(parents=True, exist_ok=True)
    for index, seed in enumerate(seeds(look)):
        (corpus / f"seed-{index:03}").write_bytes(seed)
    limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=10", "-rss_limit_mb=1024"]
    command = [sys.argv[0], *limits, "-print_final_stats=1", f"-artifact_prefix={CACHE}/{look}-", str(corpus)]
    if look == "cutter":
        atheris.Setup(command, LOOKS[look], custom_mutator=frames_or_bytes)
    else:
        atheris.Setup(command, LOOKS[look])
    atheris.Fuzz()


def frames_or_bytes(data: bytes, max_size: int, seed: int) -> bytes:
    """Three changes of frames for each of bytes."""
    random = Random(seed)
    changed: bytes = mutated(data, random) if random.random() < 0.75 else atheris.Mutate(data, max_size)
    return changed[:max_size]


if __name__ == "__main__":
    main(*sys.argv[1:])
