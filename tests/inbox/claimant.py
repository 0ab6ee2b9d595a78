"""A worker process on a shared SQLite file: opens it, waits for the word to go, claims, and prints what it was granted.

Run as ``python -m tests.inbox.claimant FILE OWNER KEYS``.
"""

import asyncio
import sys

from consumer.inbox import Claim, SqliteInbox


async def main(path: str, owner: str, keys: int) -> None:
    inbox = SqliteInbox(path, timeout=30)
    await inbox.open()
    print("open", flush=True)
    sys.stdin.readline()
    answers = {n: await inbox.claim(f"orders/{n}", owner) for n in range(keys)}
    await inbox.close()
    print(*(n for n, answer in answers.items() if answer is Claim.GRANTED), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
