"""Changes that leave most of a stream a stream: frames moved, doubled, dropped, cut short, sent on other channels.

May know: the layout of frames. May not know: what is looked at.
"""

from collections.abc import Callable
from random import Random

from tests.broker.streams import raw_frame, tune
from tests.fuzz.looks import arrival, arriving

Change = Callable[[Random, list[bytes]], None]
INTERESTING = (0, 1, 4, 7, 8, 11, 12, 127, 128, 255, 4096, 131_064, 131_065, 2**31, 2**32 - 1)


def mutated(data: bytes, random: Random) -> bytes:
    """The same input with some of its frames changed, or arriving otherwise."""
    sizes, stream = arrival(data)
    frames = frames_in(stream)
    for _ in range(random.randint(1, 3)):
        random.choice(CHANGES)(random, frames)
    if random.random() < 0.3:
        sizes = [random.choice([1, 2, 7, 8, 9, random.randint(1, 9000)]) for _ in range(random.randint(1, 7))]
    return arriving(b"".join(frames), *sizes)


def frames_in(stream: bytes) -> list[bytes]:
    """Its frames by their sizes, whatever else they are; what is left over comes last."""
    frames: list[bytes] = []
    while len(stream) >= 8:
        size = 8 + int.from_bytes(stream[3:7])
        frames.append(stream[:size])
        stream = stream[size:]
    return [*frames, stream]


def _one(change: Callable[[Random, bytes], bytes]) -> Change:
    def changed(random: Random, frames: list[bytes]) -> None:
        if frames:
            index = random.randrange(len(frames))
            frames[index] = change(random, frames[index])

    return changed


def _moved(random: Random, frames: list[bytes]) -> None:
    if frames:
        frame = frames.pop(random.randrange(len(frames)))
        frames.insert(random.randint(0, len(frames)), frame)


def _doubled(random: Random, frames: list[bytes]) -> None:
    if frames:
        frames.insert(random.randint(0, len(frames)), random.choice(frames))


def _tuned(random: Random, frames: list[bytes]) -> None:
    frames.insert(random.randint(0, len(frames)), tune(random.choice(INTERESTING)))


def _reframed(
    frame: bytes, *, kind: int | None = None, channel: int | None = None, payload: bytes | None = None
) -> bytes:
    if len(frame) < 8:
        return frame
    return raw_frame(
        frame[0] if kind is None else kind,
        int.from_bytes(frame[1:3]) if channel is None else channel,
        frame[7:-1] if payload is None else payload,
    )


def _overwritten(random: Random, frame: bytes) -> bytes:
    changed = bytearray(frame)
    if changed:
        changed[random.randrange(len(changed))] = random.choice([0, 1, 2, 3, 8, 0xCE, 0xFF, random.randrange(256)])
    return bytes(changed)


def _with_a_number(random: Random, frame: bytes) -> bytes:
    """An interesting number somewhere in it: a size, a count, a tag."""
    width = random.choice([1, 2, 4, 8])
    position = random.randint(0, len(frame))
    number = random.choice(INTERESTING) % (1 << 8 * width)
    return frame[:position] + number.to_bytes(width) + frame[position + width :]


def _resized(random: Random, frame: bytes) -> bytes:
    payload = frame[7:-1]
    at = random.randint(0, len(payload))
    return _reframed(frame, payload=random.choice([payload[:at], payload[at:], payload[:at] * 2]))


CHANGES: list[Change] = [
    _moved,
    _doubled,
    _tuned,
    _one(lambda _random, _frame: b""),
    _one(lambda random, frame: _reframed(frame, kind=random.choice([1, 2, 3, 8, random.randrange(256)]))),
    _one(lambda random, frame: _reframed(frame, channel=random.choice([0, 1, 2, 3]))),
    _one(lambda random, frame: frame[: random.randint(0, len(frame))]),
    _one(_overwritten),
    _one(_overwritten),
    _one(_with_a_number),
    _one(_resized),
]
