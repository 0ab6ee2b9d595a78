"""Makes what the peers need: an environment of their own, and the C client. Says what can't be had.

May know: venv, pip, a C compiler. May not know: how anything is measured.
"""

import compileall
import shutil
import subprocess
import sys
from pathlib import Path

import consumer
from bench.speed.subjects import PACKAGES, PROGRAMS


def prepare(build: Path) -> dict[str, str]:
    """The versions of what was made, by package; what is not in there can't be had here."""
    peers = build / "peers"
    if not (peers / "made").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(peers)], check=True)
        subprocess.run([str(peers / "bin/pip"), "install", "--quiet", *PACKAGES], check=True)
        (peers / "made").touch()
    compileall.compile_dir(Path(consumer.__file__).parent, quiet=1)  # as pip does with the peers
    listed = subprocess.run(
        [str(peers / "bin/pip"), "list", "--format=freeze"], capture_output=True, text=True, check=True
    )
    versions = {
        name.lower(): version for name, _, version in (line.partition("==") for line in listed.stdout.splitlines())
    }
    return versions | _c_client(build)


def _c_client(build: Path) -> dict[str, str]:
    """Debian: librabbitmq-dev and gcc."""
    target, compiler = build / "librabbitmq", shutil.which("gcc")
    if compiler is None:
        return {}
    command = [compiler, "-O2", "-w", "-o", str(target), str(PROGRAMS / "librabbitmq.c"), "-lrabbitmq"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        return {}
    found = subprocess.run(["pkg-config", "--modversion", "librabbitmq"], capture_output=True, text=True, check=False)
    return {"librabbitmq": found.stdout.strip() or "?"}
