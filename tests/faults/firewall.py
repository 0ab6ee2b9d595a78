"""A network that fails between this machine and a broker: packets swallowed, or answered with a reset.

May know: iptables. May not know: what runs at the address.
"""

import os
import shlex
import shutil

from .shell import run

MARK = "lastcall-faults"
"""The comment of every rule of ours, by which they are found and removed."""
PORT = "5672"


def missing() -> str:
    """What is not here that a firewall takes; empty when all is."""
    if os.geteuid() != 0:
        return "only root may change the firewall"
    return "" if shutil.which("iptables") else "iptables is not installed: sudo apt-get install iptables"


async def drop(host: str) -> None:
    """Swallow what goes to the broker and what comes from it; nobody is told."""
    await _add("OUTPUT", "--destination", host, "--dport", PORT, "-j", "DROP")
    await _add("INPUT", "--source", host, "--sport", PORT, "-j", "DROP")


async def reset(host: str) -> None:
    """Answer what goes to the broker and what comes from it with a reset to its sender."""
    await _add("OUTPUT", "--destination", host, "--dport", PORT, "-j", "REJECT", "--reject-with", "tcp-reset")
    answered = ("!", "--tcp-flags", "RST", "RST", "-j", "REJECT", "--reject-with", "tcp-reset")
    await _add("INPUT", "--source", host, "--sport", PORT, *answered)  # the first rule's resets come in this way


async def clear() -> None:
    """Remove every rule of the suite's, those of a run that was killed too."""
    for rule in (await run("iptables", "--list-rules")).splitlines():
        if MARK in rule:
            await run("iptables", "--delete", *shlex.split(rule)[1:])


async def _add(chain: str, *rule: str) -> None:
    await run("iptables", "--wait", "--insert", chain, "--protocol", "tcp", *rule, "-m", "comment", "--comment", MARK)
