"""Reads what `lastcall check` is given: files, directories, stdin, and a process of this machine.

May know: files, YAML, /proc. May not know: what the documents mean.
"""

import signal
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from consumer.check.documents import dockerfile
from consumer.check.documents.document import Document, flattened
from consumer.check.finding import Unchecked, Where
from consumer.check.subject import Launch
from consumer.check.words import runs_file, script_of
from consumer.errors import ConfigurationError

SUFFIXES = frozenset({".yaml", ".yml", ".json"})


@dataclass(slots=True)
class Sources:
    """What was read: documents, the images that Dockerfiles make, and what was left aside."""

    documents: list[Document] = field(default_factory=list)
    images: list[Launch] = field(default_factory=list)
    unchecked: list[Unchecked] = field(default_factory=list)


def read(paths: Iterable[str]) -> Sources:
    """Read them all. Raises ConfigurationError when one can't be read."""
    sources = Sources()
    for path in paths:
        if path == "-":
            sources.documents += flattened(_documents("stdin", sys.stdin.read()))
        else:
            _read(Path(path), sources)
    return sources


def _read(path: Path, sources: Sources) -> None:
    if not path.is_dir():
        _read_file(path, sources)
        return
    for file in sorted(each for each in path.rglob("*") if each.is_file()):
        if file.name == "kustomization.yaml":
            why = (
                "its patches were not applied: give what it renders (`kubectl kustomize DIRECTORY`), by a pipe perhaps"
            )
            sources.unchecked.append(Unchecked(f"the kustomization {file.parent}", why))
        elif file.suffix in SUFFIXES or dockerfile.is_dockerfile(file.name):
            _read_file(file, sources)


def _read_file(path: Path, sources: Sources) -> None:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"--manifests {path}: it can't be read ({error}).") from error
    if dockerfile.is_dockerfile(path.name):
        sources.images.append(dockerfile.launch(str(path), text))
    else:
        sources.documents += flattened(_documents(str(path), text))


def _documents(source: str, text: str) -> Iterator[Document]:
    try:
        import yaml  # noqa: PLC0415 - only who gives manifests needs it
    except ImportError:
        raise ConfigurationError("--manifests needs PyYAML: pip install 'lastcall[check]'.") from None
    try:
        for content in yaml.safe_load_all(text):
            if isinstance(content, Mapping):
                yield Document(source, content)
    except yaml.YAMLError as error:
        where = " ".join(str(error).split())
        raise ConfigurationError(
            f"--manifests {source}: it is no YAML ({where}). A template must be rendered first: `kubectl kustomize`, "
            "`helm template`."
        ) from error


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
