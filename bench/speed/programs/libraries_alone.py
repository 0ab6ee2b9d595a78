"""What no start can be quicker than: what ours (`ours`), or any worker with typed payloads, imports of other people's.

Then it is aio_pika_tasks.py. Collections of garbage are off meanwhile, as they are in `lastcall run`.
"""

import gc
import runpy
import sys

gc.disable()
import aio_pika
from pydantic import BaseModel

if sys.argv.pop() == "ours":
    import pydantic_settings
    import tenacity
    import typer


class Order(BaseModel):
    id: str
    cents: int
    note: str


gc.enable()
runpy.run_path("aio_pika_tasks.py", run_name="__main__")
