"""Reads what `lastcall check` is given: files, directories, stdin, and a process of this machine.

May know: files, /proc. May not know: what the documents mean.
"""

import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from consumer.check.documents import dockerfile
from consumer.check.documents.document import Document, mappings, text, texts
from consumer.check.documents.instructions import Unclosed
from consumer.check.finding import Unchecked, Where
from consumer.check.shells import runs_file, script_of
from consumer.check.subject import Launch
from consumer.check.wrappers import wrapping
from consumer.cli.check_parsing import Unreadable, documents
from consumer.errors import ConfigurationError
from consumer.hosts.inits import behind, init_name

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})
PATCHES = ("patches", "patchesJson6902")
VENDORED = frozenset({"node_modules", "venv", "site-packages", "__pycache__"})
"""Directories that hold what others have written; hidden ones (.git, .venv) are left out too."""


@dataclass(slots=True)
class Sources:
    """What was read: documents, the images that Dockerfiles make, and what was left aside."""

    documents: list[Document] = field(default_factory=list)
    images: list[Launch] = field(default_factory=list)
    unchecked: list[Unchecked] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    """Those that were read, or will be by their own name: each is read once."""


def read(paths: Iterable[str]) -> Sources:
    """Read them all. Raises ConfigurationError when one that was named can't be read."""
    given = {path if path == "-" or _is_directory(path) else _file(Path(path)): path for path in paths}
    sources = Sources(files={*given})
    for path in given.values():
        if path == "-":
            sources.documents += documents("stdin", _stdin())
        elif _is_directory(path):
            _read_directory(Path(path), sources)
        else:
            _read_file(Path(path), sources, named=True)
    return sources


def _is_directory(path: str) -> bool:
    with suppress(OSError):  # a name may be too long: reading it as a file tells
        return Path(path).is_dir()
    return False


def _file(path: Path) -> str:
    """Which file it is, by whatever way it is named; of a Dockerfile its own name tells whose image it makes."""
    if dockerfile.is_dockerfile(path.name):
        return str(Path(os.path.realpath(path.parent), path.name))
    return os.path.realpath(path)


def _stdin() -> str:
    if sys.stdin is None or sys.stdin.closed:
        raise Unreadable("--manifests -: there is no standard input.")
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"--manifests -: it can't be read ({error}).") from None


def _read_directory(path: Path, sources: Sources) -> None:
    files = sorted(_files(path))
    patches = {each for file in files if file.name in KUSTOMIZATIONS for each in _patches(file, sources)}
    for file in files:
        if os.path.realpath(file) in patches:
            sources.unchecked.append(Unchecked(str(file), "it is a patch of a kustomization, and no whole manifest"))
        elif (file.suffix in SUFFIXES or dockerfile.is_dockerfile(file.name)) and file.name not in KUSTOMIZATIONS:
            with _listed(file, sources):
                _read_once(file, sources)


def _files(path: Path) -> Iterator[Path]:
    for directory, below, names in os.walk(path):
        below[:] = [name for name in below if name not in VENDORED and not name.startswith(".")]
        yield from (file for name in names if (file := Path(directory, name)).is_file())


@contextmanager
def _listed(file: Path, sources: Sources) -> Iterator[None]:
    """What can't be read in a directory is no reason to look at nothing else."""
    try:
        yield
    except Unreadable as error:
        sources.unchecked.append(Unchecked(str(file), str(error).removeprefix(f"--manifests {file}: ")[:-1]))


def _patches(kustomization: Path, sources: Sources) -> Iterator[str]:
    """The files that it patches others with; that it was not rendered is noted."""
    why = "its patches were not applied: give what it renders (`kubectl kustomize DIRECTORY`), by a pipe perhaps"
    sources.unchecked.append(Unchecked(f"the kustomization {kustomization.parent}", why))
    names: list[str] = []
    with _listed(kustomization, sources):
        for document in documents(str(kustomization), _text(kustomization)):
            names += (text(each.get("path")) for key in PATCHES for each in mappings(document.content, key))
            names += texts(document.content, "patchesStrategicMerge")
    for name in (each for each in names if each and "\n" not in each):  # else it is inline
        with suppress(ValueError):  # no file has such a name
            yield os.path.realpath(kustomization.parent / name)


def _read_once(path: Path, sources: Sources) -> None:
    file = _file(path)
    if file not in sources.files:
        sources.files.add(file)
        _read_file(path, sources)


def _read_file(path: Path, sources: Sources, *, named: bool = False) -> None:
    content = _text(path)
    if dockerfile.is_dockerfile(path.name):
        try:
            sources.images.append(dockerfile.launch(str(path), content))
        except Unclosed as error:
            raise Unreadable(f"--manifests {path}: {error}.") from None
    else:
        sources.documents += documents(str(path), content, named=named)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"--manifests {path}: it can't be read ({error}).") from error


def process(pid: int) -> Launch:
    """The process: what starts it, its settings, and the signals it catches; of an init, the one that it runs.

    What starts it is its command; before that stand the init, without what that was told to run, and the shell, if
    they are its parents: a shell that is PID 1, or that an init has started. Raises ConfigurationError when it can't be
    looked at.
    """
    worker, init = behind(pid), init_name(pid)
    proc = Path(f"/proc/{worker}")
    try:
        command, environment = _words(proc / "cmdline"), _words(proc / "environ")
        status = _status(worker)
        command = _started_by(int(status["PPid"]), command)
        caught = _caught(int(status["SigCgt"], 16))
    except (OSError, KeyError, ValueError) as error:
        raise ConfigurationError(
            f"--pid {pid}: it can't be looked at ({error}). It takes the id of a process of this user, on Linux."
        ) from error
    return Launch(
        kind="process",
        where=Where(f"process {worker}" + (f", run by {init}, process {pid}" if init else "")),
        command=command,
        environment=dict(each.partition("=")[::2] for each in environment),
        caught=caught,
    )


def _started_by(parent: int, command: tuple[str, ...]) -> tuple[str, ...]:
    if parent == 0:  # it is in another container, or there is none
        return command
    words = _words(Path(f"/proc/{parent}/cmdline"))
    if init_name(parent) is not None:
        return (*wrapping(words), *command)
    is_shell = script_of(words) is not None or (bool(words) and runs_file(words) is not None)
    above = int(_status(parent)["PPid"])
    return _started_by(above, (*words, *command)) if is_shell and (parent == 1 or init_name(above)) else command


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def _words(path: Path) -> tuple[str, ...]:
    return tuple(each for each in path.read_bytes().decode(errors="replace").split("\0") if each)


def _caught(mask: int) -> frozenset[str]:
    return frozenset(each.name for each in signal.Signals if mask >> (each - 1) & 1)
