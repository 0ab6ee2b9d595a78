"""Where this user's workers on this machine answer: each leaves a note while it lives, and any program may read them.

May know: files, locks, addresses. May not know: workers, HTTP, who asks.

A note says a process id and an address, and nothing of messages or secrets. Its writer holds a lock on it, which the
kernel lets go with the process: however a worker ended, its note is seen to be an old one. Where none can be left (a
read-only file system, Windows), a worker runs as well, and is looked for by its address.
"""

import json
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from consumer.listening import EVERYWHERE, listen_address

CAN_LOCK = sys.platform != "win32"
if CAN_LOCK:
    import fcntl

LONGEST = 1000
"""Characters of a note that are read."""
_REACHED_AT = {EVERYWHERE: "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asked, not listened on
_KEPT = stat.S_ISVTX | stat.S_IRUSR | stat.S_IWUSR
"""What clears temporary folders of old files leaves those alone that have the sticky bit."""


@dataclass(frozen=True, slots=True, order=True)
class Whereabouts:
    """A worker's process, and the address that it answers at: `127.0.0.1:8080`."""

    pid: int
    address: str


@contextmanager
def told(listening: str, port: int) -> Iterator[None]:
    """Leave a note meanwhile, if that can be done. `listening`: as it was asked for; `port`: the one that it became."""
    note = _left(Whereabouts(os.getpid(), reached_at(listening, port)))
    try:
        yield
    finally:
        if note is not None:
            path, file = note
            with file, suppress(OSError):
                path.unlink(missing_ok=True)


def found() -> list[Whereabouts]:
    """Those of the workers that live, the lowest process id first."""
    notes = (_read(path) for directory in filter(_is_ours, _directories()) for path in directory.glob("*.json"))
    return sorted(each for each in notes if each is not None)


def reached_at(listening: str, port: int) -> str:
    """Where this machine reaches what listens so."""
    host, _ = listen_address(listening)
    host = _REACHED_AT.get(host, host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _directories() -> list[Path]:
    """Where notes may be, the best place first: the one of the user's session, which not every worker belongs to."""
    if not CAN_LOCK:
        return []
    session = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    places = [Path(session, "lastcall")]
    with suppress(OSError):  # where every file system is read-only, there is no temporary folder
        places.append(Path(tempfile.gettempdir(), f"lastcall-{os.getuid()}"))
    return places


def _is_ours(directory: Path) -> bool:
    """Whether nobody else can leave notes there: a temporary folder is everybody's."""
    try:
        status = directory.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not stat.S_IMODE(status.st_mode) & 0o077


def _left(note: Whereabouts) -> tuple[Path, IO[str]] | None:
    """The note and its lock, as an open file; None where none can be left."""
    for directory in _directories():
        with suppress(OSError):
            directory.mkdir(mode=0o700, exist_ok=True)
            if _is_ours(directory):
                _sweep(directory)
                return _written(directory, note)
    return None


def _written(directory: Path, note: Whereabouts) -> tuple[Path, IO[str]]:
    """Under another name until it is whole and locked: who finds it before that would take it for an old one."""
    descriptor, name = tempfile.mkstemp(dir=directory, prefix=f"{note.pid}-", suffix=".new")
    file, new = os.fdopen(descriptor, "w"), Path(name)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        json.dump(asdict(note), file)
        file.flush()
        with suppress(OSError):  # not every system has that bit for files
            new.chmod(_KEPT)
        return new.rename(new.with_suffix(".json")), file
    except OSError:
        with file:
            new.unlink(missing_ok=True)
        raise


def _read(path: Path) -> Whereabouts | None:
    """None: its worker has ended, or it is no note of ours."""
    try:
        with path.open() as file:
            if _is_let_go(file):
                return None
            said = json.loads(file.read(LONGEST))
            return Whereabouts(int(said["pid"]), str(said["address"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _is_let_go(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sweep(directory: Path) -> None:
    """Away with the notes of workers that were killed."""
    for path in directory.glob("*.json"):
        with suppress(OSError), path.open() as file:
            if _is_let_go(file):
                path.unlink(missing_ok=True)
