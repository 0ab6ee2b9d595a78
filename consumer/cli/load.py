"""From `module:attribute` to the worker that it names, and what to say when there is none.

May know: imports, the Worker class. May not know: flags, output, what a worker does.
"""

import difflib
import importlib
import inspect
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import TypeGuard

import consumer
from consumer.errors import ConfigurationError
from consumer.worker import Worker

_PACKAGE = Path(consumer.__file__).parent
_MACHINERY = ("<frozen importlib", f"{_PACKAGE}/", importlib.__file__)


def load_worker(target: str) -> Worker:
    """Import the worker that `module:attribute` names, looking in the current directory first.

    The attribute may be dotted, and may be a function without parameters that returns the worker.

    Raises:
        ConfigurationError: There is no such worker, or importing it failed; the text says where and the mend.
    """
    module_name, _, attribute = target.partition(":")
    if not module_name or not attribute:
        raise ConfigurationError(_malformed(target))
    if "/" in module_name or module_name.endswith(".py"):
        dotted = module_name.removeprefix("./").removesuffix(".py").replace("/", ".").lstrip(".")
        raise ConfigurationError(f"{module_name!r} is a path; name the module instead: {dotted}:{attribute}")
    here = Path.cwd()
    _refuse_shadow(here)
    if str(here) not in sys.path[:1]:
        sys.path.insert(0, str(here))
    return _worker(_module(module_name, here), attribute)


def _malformed(target: str) -> str:
    example = target.strip(":").removesuffix(".py") or "orders"
    return (
        f"{target!r} names no worker: write MODULE:ATTRIBUTE, e.g. `{example}:worker` for"
        f" `worker = Worker()` in {example.replace('.', '/')}.py."
    )


def _refuse_shadow(here: Path) -> None:
    for shadow in (here / "consumer.py", here / "consumer" / "__init__.py"):
        if shadow.exists() and not shadow.parent.samefile(_PACKAGE):
            raise ConfigurationError(
                f"{shadow} hides Lastcall's own package, which is imported as `consumer` too: rename yours"
                " (to worker.py, say) or start from another directory."
            )


def _module(name: str, here: Path) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        is_ours_to_find = missing and f"{name}.".startswith(f"{missing}.")
        problem = _not_found(name, here) if is_ours_to_find else f"Importing {name!r} failed: {_told(error)}"
        raise ConfigurationError(problem) from error


def _not_found(name: str, here: Path) -> str:
    hint = _near(name, (path.stem for path in here.glob("*.py")))
    return (
        f"There is no module {name!r}, neither in {here} nor installed in {sys.prefix}.{hint}"
        " Start from the directory that holds it, or install the package that does."
    )


def _worker(module: ModuleType, attribute: str) -> Worker:
    found: object = module
    for name in attribute.split("."):
        if not hasattr(found, name):
            raise ConfigurationError(_no_attribute(module, attribute, name, found))
        found = getattr(found, name)
    target = f"{module.__name__}:{attribute}"
    if _makes_one(found):
        found, target = _called(found, target), f"What {target}() returned"
    if not isinstance(found, Worker):
        kind = f"class {found.__name__}" if isinstance(found, type) else type(found).__name__
        raise ConfigurationError(
            f"{target} is no Worker ({kind}).{_workers_of(module)}"
            " Name a Worker, or a plain function without parameters that returns one."
        )
    return found


def _makes_one(found: object) -> TypeGuard[Callable[[], object]]:
    if not inspect.isroutine(found) or inspect.iscoroutinefunction(found):
        return False
    return all(each.default is not each.empty for each in inspect.signature(found).parameters.values())


def _called(factory: Callable[[], object], target: str) -> object:
    try:
        return factory()
    except Exception as error:
        raise ConfigurationError(f"{target}() failed: {_told(error)}") from error


def _no_attribute(module: ModuleType, attribute: str, name: str, owner: object) -> str:
    near = _near(name, (each for each in dir(owner) if not each.startswith("_")))
    return f"{module.__name__!r} ({module.__file__}) has no {attribute!r}.{near}{_workers_of(module)}"


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _workers_of(module: ModuleType) -> str:
    names = [name for name, value in vars(module).items() if isinstance(value, Worker)]
    return f" Its workers: {', '.join(sorted(names))}." if names else " It holds no Worker at its top level."


def _told(error: Exception) -> str:
    """The user's error in one line, with the last place in the user's own code that it passed."""
    what = traceback.format_exception_only(error)[-1].strip()
    if isinstance(error, SyntaxError):
        return f"{what} ({error.filename}, line {error.lineno})"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _within(frame, _MACHINERY)]
    installed = tuple(sysconfig.get_paths()[kind] for kind in ("stdlib", "purelib", "platlib"))
    own = [frame for frame in frames if not _within(frame, installed)]
    if not frames:
        return what
    last = (own or frames)[-1]
    return f"{what} ({last.filename}, line {last.lineno}: {last.line})"


def _within(frame: traceback.FrameSummary, places: tuple[str, ...]) -> bool:
    return frame.filename.startswith(places)
