"""What no start can be quicker than: what ours (`ours`), or any worker with typed payloads, imports of other people's.

Then it is aio_pika_tasks.py. Collections of garbage are off meanwhile, as they are in `lastcall run`.
"""

import gc
import runpy
import sys
from importlib import import_module

gc.disable()
from pydantic import BaseModel

for name in ("aio_pika", "pydantic_settings", "tenacity", "typer")[: 4 if sys.argv.pop() == "ours" else 1]:
    import_module(name)


class Order(BaseModel):
    id: str
    cents: int
    note: str


gc.enable()
runpy.run_path("aio_pika_tasks.py", run_name="__main__")
