"""Reads what `lastcall check` is given: files, directories, stdin, and a process of this machine.

May know: files, /proc. May not know: what the documents mean.
"""

import os
import signal
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from consumer.check.documents import dockerfile
from consumer.check.documents.document import Document
from consumer.check.finding import Unchecked, Where
from consumer.check.subject import Launch
from consumer.check.words import runs_file, script_of
from consumer.cli.check_parsing import Unreadable, documents
from consumer.errors import ConfigurationError

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})
VENDORED = frozenset({"node_modules", "venv", "site-packages", "__pycache__"})
"""Directories that hold what others have written; hidden ones (.git, .venv) are left out too."""


@dataclass(slots=True)
class Sources:
    """What was read: documents, the images that Dockerfiles make, and what was left aside."""

    documents: list[Document] = field(default_factory=list)
    images: list[Launch] = field(default_factory=list)
    unchecked: list[Unchecked] = field(default_factory=list)


def read(paths: Iterable[str]) -> Sources:
    """Read them all. Raises ConfigurationError when one that was named can't be read."""
    sources = Sources()
    for path in paths:
        if path == "-":
            sources.documents += documents("stdin", _stdin())
        elif Path(path).is_dir():
            _read_directory(Path(path), sources)
        else:
            _read_file(Path(path), sources)
    return sources


def _stdin() -> str:
    if sys.stdin is None or sys.stdin.closed:
        raise Unreadable("--manifests -: there is no standard input.")
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"--manifests -: it can't be read ({error}).") from None


def _read_directory(path: Path, sources: Sources) -> None:
    for file in sorted(_files(path)):
        if file.name in KUSTOMIZATIONS:
            why = (
                "its patches were not applied: give what it renders (`kubectl kustomize DIRECTORY`), by a pipe perhaps"
            )
            sources.unchecked.append(Unchecked(f"the kustomization {file.parent}", why))
        elif file.suffix in SUFFIXES or dockerfile.is_dockerfile(file.name):
            try:
                _read_file(file, sources)
            except Unreadable as error:
                sources.unchecked.append(Unchecked(str(file), str(error).removeprefix(f"--manifests {file}: ")[:-1]))


def _files(path: Path) -> Iterator[Path]:
    for directory, below, names in os.walk(path):
        below[:] = [name for name in below if name not in VENDORED and not name.startswith(".")]
        yield from (file for name in names if (file := Path(directory, name)).is_file())


def _read_file(path: Path, sources: Sources) -> None:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"--manifests {path}: it can't be read ({error}).") from error
    if dockerfile.is_dockerfile(path.name):
        sources.images.append(dockerfile.launch(str(path), text))
    else:
        sources.documents += documents(str(path), text)


def process(pid: int) -> Launch:
    """The process: its command (its parent's, if that is a shell that is PID 1), settings, and the signals it catches.

    Raises ConfigurationError when it can't be looked at.
    """
    proc = Path(f"/proc/{pid}")
    try:
        command, environment = _words(proc / "cmdline"), _words(proc / "environ")
        status = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines() if ":\t" in line)
        parent = int(status["PPid"])
        shell = _words(Path("/proc/1/cmdline")) if parent == 1 else ()
    except (OSError, KeyError, ValueError) as error:
        raise ConfigurationError(
            f"--pid {pid}: it can't be looked at ({error}). It takes the id of a process of this user, on Linux."
        ) from error
    by_shell = script_of(shell) is not None or (bool(shell) and runs_file(shell) is not None)
    return Launch(
        kind="process",
        where=Where(f"process {pid}"),
        command=(*shell, *command) if by_shell else command,
        environment=dict(each.partition("=")[::2] for each in environment),
        caught=_caught(int(status["SigCgt"], 16)),
    )


def _words(path: Path) -> tuple[str, ...]:
    return tuple(each for each in path.read_bytes().decode(errors="replace").split("\0") if each)


def _caught(mask: int) -> frozenset[str]:
    return frozenset(each.name for each in signal.Signals if mask >> (each - 1) & 1)
