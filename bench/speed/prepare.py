"""Makes what everybody runs in: one environment for us and the peers, and the C client. Says what can't be had.

May know: venv, pip, a C compiler. May not know: how anything is measured.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from bench.speed.subjects import PACKAGES, PROGRAMS

PROJECT = Path(__file__).parents[2]


def prepare(build: Path) -> dict[str, str]:
    """The versions of what was made, by package; what is not in there can't be had here."""
    everybody = build / "everybody"
    pip = str(everybody / "bin/pip")
    if not (everybody / "made").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(everybody)], check=True)
        subprocess.run([pip, "install", "--quiet", *PACKAGES, f"{PROJECT}[fast]"], check=True)
        (everybody / "made").touch()
    subprocess.run([pip, "install", "--quiet", "--force-reinstall", "--no-deps", str(PROJECT)], check=True)
    listed = subprocess.run([pip, "list", "--format=freeze"], capture_output=True, text=True, check=True)
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
