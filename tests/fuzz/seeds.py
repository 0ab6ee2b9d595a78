"""What the fuzzer begins with: stretches of the recordings, and whatever was ever found to go wrong.

May know: the recordings, files. May not know: how they are changed.
"""

from pathlib import Path

from tests.broker.recordings import names, recording
from tests.broker.streams import delivery
from tests.fuzz.looks import arriving
from tests.fuzz.mutations import frames_in

FOUND = Path(__file__).parent / "found"
LARGEST = 2048
"""Bytes of a seed: short ones are tried oftener."""
STEP = 6
"""Frames from the beginning of one stretch to that of the next."""


def seeds(look: str) -> list[bytes]:
    return [*found(look), *(streams() if look == "cutter" else properties())]


def found(look: str) -> list[bytes]:
    """One file for each, named by its look and what was wrong."""
    return [path.read_bytes() for path in sorted(FOUND.glob(f"{look}-*"))]


def streams() -> list[bytes]:
    stretches = [delivery(1, b"body"), b"AMQP\x00\x00\x09\x01" + delivery(1, b"", frame_max=9)]
    for name in names():
        frames = [frame for frame in frames_in(recording(name)) if len(frame) < LARGEST // 2]
        for start in range(0, len(frames), STEP):
            stretch = b""
            for frame in frames[start:]:
                if len(stretch) + len(frame) > LARGEST:
                    break
                stretch += frame
            stretches.append(stretch)
    return [arriving(stretch, 1 + index % 50) for index, stretch in enumerate(stretches)]


def properties() -> list[bytes]:
    """Those of the recorded messages: behind class, weight and body size."""
    headers = {frame[19:-1] for name in names() for frame in frames_in(recording(name)) if frame[:1] == b"\x02"}
    return sorted(headers)
