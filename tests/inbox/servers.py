"""Private servers for the tests: this machine's redis-server and PostgreSQL, on loopback, gone with the tests.

May know: the programs, their settings and the line that says that they are ready. May not know: inboxes.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from tests.inbox import leash

READY_SECONDS = 30
USER = "postgres" if os.getuid() == 0 else ""  # PostgreSQL refuses root


class StoreMissingError(Exception):
    """The programs aren't here; the text says how to have them."""


class Server(ABC):
    """A server with a directory and a port of its own; stopped and started again, it has kept its data."""

    user = ""
    ready = "ready to accept connections"
    """In a line of its output, in small letters, when it answers."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="lastcall-store-"))
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.port = taken.getsockname()[1]
        self._process: subprocess.Popen[str] | None = None
        self._last: deque[str] = deque(maxlen=30)

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def command(self) -> list[str]: ...

    def start(self) -> None:
        ready = Event()
        self._process = subprocess.Popen(
            [sys.executable, "-I", leash.__file__, str(self.directory), self.user, *self.command()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(self.directory)},
        )
        self._reader = Thread(target=self._read, args=(self._process, ready), daemon=True)
        self._reader.start()
        if not ready.wait(READY_SECONDS):
            self.remove()
            raise RuntimeError("the server did not start; its last lines:\n" + "".join(self._last))

    def stop(self) -> None:
        """End it, and keep its data."""
        self._end("keep\n")

    def remove(self) -> None:
        """End it for good."""
        self._end("")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing answers meanwhile, but connections stand."""
        assert self._process is not None
        stopped = _below(self._process.pid)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in stopped:
                with suppress(ProcessLookupError):  # one whose client has given up ends as soon as it goes on
                    os.kill(pid, signal.SIGCONT)

    def _end(self, word: str) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.write(word)
            self._process.stdin.close()
            self._process.wait()
            self._reader.join()
            self._process = None

    def _read(self, process: subprocess.Popen[str], ready: Event) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._last.append(line)
            if self.ready in line.lower():
                ready.set()
        process.stdout.close()


def _below(pid: int) -> list[int]:
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return children + [each for child in children for each in _below(child)]


class RedisServer(Server):
    def __init__(self) -> None:
        if shutil.which("redis-server") is None:
            raise StoreMissingError("redis-server is not installed: deploy/local/stores installs it")
        super().__init__()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        listening = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.directory)]
        return ["redis-server", *listening, "--appendonly", "yes", "--save", ""]


class PostgresServer(Server):
    user = USER

    def __init__(self) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        initdb = str(found[-1]) if found else shutil.which("initdb")
        if initdb is None:
            raise StoreMissingError("PostgreSQL is not installed: deploy/local/stores installs it")
        super().__init__()
        self._programs = Path(initdb).resolve().parent
        self._data = self.directory / "data"
        if USER:
            owner = pwd.getpwnam(USER)
            os.chown(self.directory, owner.pw_uid, owner.pw_gid)
        subprocess.run(
            [
                initdb,
                "-D",
                str(self._data),
                "-U",
                "inbox",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
                "--no-instructions",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            user=USER or None,
            group=USER or None,
            extra_groups=[] if USER else None,
            cwd=self.directory,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        )

    @property
    def url(self) -> str:
        return f"postgresql://inbox@127.0.0.1:{self.port}/postgres"

    def command(self) -> list[str]:
        settings = ["listen_addresses=127.0.0.1", f"port={self.port}", f"unix_socket_directories={self.directory}"]
        return [str(self._programs / "postgres"), "-D", str(self._data), *(f"-c{setting}" for setting in settings)]
