"""Which event loop a host of ours runs on.

May know: asyncio, uvloop where it is installed. May not know: what runs on the loop.
"""

import asyncio
import importlib.util
from importlib import import_module
from typing import Literal, TypeAlias, cast

from consumer.errors import ConfigurationError

LoopKind: TypeAlias = Literal["auto", "asyncio", "uvloop"]
"""`auto`: uvloop where it is installed, else asyncio's own."""


def new_loop(kind: LoopKind) -> asyncio.AbstractEventLoop:
    """A fresh loop of this kind. Raises ConfigurationError when it is uvloop, which isn't installed."""
    is_there = kind != "asyncio" and importlib.util.find_spec("uvloop") is not None
    if is_there:
        return cast("asyncio.AbstractEventLoop", import_module("uvloop").new_event_loop())
    if kind == "uvloop":
        raise ConfigurationError(
            "loop (--loop or LASTCALL_LOOP): uvloop is not installed. Install `lastcall[fast]`, or leave it at 'auto'."
        )
    return asyncio.new_event_loop()
