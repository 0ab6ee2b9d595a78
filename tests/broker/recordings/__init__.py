"""What RabbitMQ has sent on whole connections, byte for byte, and the script that records it.

May know: files, consumer tags. May not know: who reads them.
"""

from pathlib import Path

HERE = Path(__file__).parent
SUFFIX = ".amqp"


def names() -> list[str]:
    """Which recordings there are."""
    return sorted(path.stem for path in HERE.glob(f"*{SUFFIX}"))


def recording(name: str) -> bytes:
    return path_of(name).read_bytes()


def path_of(name: str) -> Path:
    return HERE / f"{name}{SUFFIX}"
