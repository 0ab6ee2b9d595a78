"""What the fuzzer has ever found stays mended, and a seeded walk from its seeds finds nothing new."""

from random import Random

import pytest

from tests.fuzz.looks import LOOKS
from tests.fuzz.mutations import mutated
from tests.fuzz.seeds import found, seeds

STEPS = 3000
"""Changed inputs: about a second. The long walk is `make fuzz`."""


@pytest.mark.parametrize("look", LOOKS)
def test_what_was_found_stays_mended(look: str) -> None:
    for data in found(look):
        LOOKS[look](data)


@pytest.mark.parametrize("look", LOOKS)
def test_every_seed_is_looked_at_and_found_sound(look: str) -> None:
    inputs = seeds(look)
    for data in inputs:
        LOOKS[look](data)
    assert len(inputs) > 5


@pytest.mark.parametrize("seed", [1, 2])
def test_a_walk_from_the_recordings_finds_nothing(seed: int) -> None:
    random, inputs = Random(seed), seeds("cutter")
    for _ in range(STEPS):
        data = random.choice(inputs)
        for _ in range(random.randint(1, 4)):
            data = mutated(data, random)
        LOOKS["cutter"](data)
