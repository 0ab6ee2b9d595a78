"""A worker whose handler runs a program for each message, as the message says; it is mounted into the image.

May know: what a user of the package knows. May not know: the package's insides, the tests.
"""

import asyncio
import sys

from consumer import Worker

WAIT = """
import os
os.mkfifo("/data/gate")
print("program waits", flush=True)
with open("/data/gate") as gate:
    gate.read()
"""
LEAVE = """
import os, subprocess, sys
orphan = "import os, sys; sys.stdin.read(); print(f'stranger {os.getpid()} ends', flush=True)"
subprocess.Popen([sys.executable, "-c", orphan], stdin=subprocess.PIPE)  # which ends when this program has
"""
PROGRAMS = {"wait": WAIT, "leave a stranger": LEAVE}

worker = Worker()


@worker.handler("jobs")
async def work(body: bytes) -> None:
    program = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAMS[body.decode()])
    if await program.wait() != 0:
        raise RuntimeError(f"the program ended with {program.returncode}")
    print("program has ended well", flush=True)
