"""Whether a function can be found by another process, and how it is found there.

May know: pickling, modules. May not know: processes, handlers' signatures.
"""

import pickle
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from consumer.engine.processes.crossing import MainProgram, Program
from consumer.errors import ConfigurationError

MAIN_OVER_THERE = "__mp_main__"
"""The `__name__` of a program's main module when a child imports it: that of multiprocessing's children."""

_over_there = False


def program(function: Callable[..., object], name: str, preparation: Callable[[], object]) -> Program:
    """What a child needs to run the function; the preparation is called once in each, when it has been imported.

    Raises:
        ConfigurationError: It can't be found by its name; `name` is the handler's.
    """
    if _over_there:
        raise ConfigurationError(
            f"handler {name!r}: its own process runs the worker again when it imports the program. Put what runs the "
            "worker under `if __name__ == '__main__':`."
        )
    try:
        pickled = pickle.dumps(function)
    except Exception as error:
        raise ConfigurationError(
            f"handler {name!r} can't be found by its name from another process ({error}). With executor='process' it "
            "must be a function at the top level of a module, with @worker.handler as its outermost decorator."
        ) from error
    main = _main_program(name) if b"__main__" in pickled else None
    return Program(list(sys.path), main, pickled, pickle.dumps(preparation))


def imported(found: Program) -> Callable[..., object]:
    """The function, over there: its module is imported, with all that this raises."""
    global _over_there  # noqa: PLW0603 - where this code runs is the process's
    _over_there = True
    sys.path[:] = found.path
    if found.main is not None:
        _import_main(found.main)
    function: Callable[..., object] = pickle.loads(found.function)  # noqa: S301 - from the parent
    pickle.loads(found.preparation)()  # noqa: S301
    return function


def _main_program(name: str) -> MainProgram:
    main = sys.modules["__main__"]
    sys.modules.setdefault(MAIN_OVER_THERE, main)  # exceptions that are defined in there come back under this name
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is None and file is None:
        raise ConfigurationError(
            f"handler {name!r} is defined where another process can't import it (a prompt, a notebook, `python -c`): "
            "with executor='process' it must be in a module of its own."
        )
    return MainProgram(spec.name, None) if spec is not None else MainProgram(None, str(Path(str(file)).resolve()))


def _import_main(main: MainProgram) -> None:
    """As multiprocessing does it: what stands under `if __name__ == "__main__":` is not run."""
    if main.module is not None:
        names = runpy.run_module(main.module, run_name=MAIN_OVER_THERE, alter_sys=True)
    else:
        names = runpy.run_path(str(main.file), run_name=MAIN_OVER_THERE)
    module = ModuleType(MAIN_OVER_THERE)
    vars(module).update(names)
    sys.modules["__main__"] = sys.modules[MAIN_OVER_THERE] = module
