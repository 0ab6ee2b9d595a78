"""Where a thread is, in the user's own code: what a person must look at, without the frames of Python and of ours.

May know: frames, where Python and this package are installed. May not know: what the thread is for.
"""

import os
import sys
import sysconfig
import traceback
from pathlib import Path

INNERMOST = 5
"""So many frames are shown."""
_PYTHON = (sysconfig.get_path("stdlib") + os.sep, "<")
_OURS = str(Path(__file__).parents[1]) + os.sep


def users_frames(thread: int) -> list[str]:
    """The innermost frames of a thread, the outermost first: `orders.py:12 charge: time.sleep(3)`.

    Of files that are the user's own; where there are none, of installed packages. Empty when the thread has ended.
    """
    frame = sys._current_frames().get(thread)  # noqa: SLF001 - documented, for uses like this
    stack = traceback.extract_stack(frame) if frame is not None else traceback.StackSummary()
    theirs = [each for each in stack if not _is_pythons_or_ours(each.filename)]
    own = [each for each in theirs if not _is_installed(each.filename)]
    return [f"{each.filename}:{each.lineno} {each.name}: {each.line}" for each in (own or theirs)[-INNERMOST:]]


def _is_installed(file: str) -> bool:
    return "site-packages" in file or "dist-packages" in file


def _is_pythons_or_ours(file: str) -> bool:
    return file.startswith(_OURS) or (file.startswith(_PYTHON) and not _is_installed(file))
