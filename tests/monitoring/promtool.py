"""Prometheus' own tool, which checks rules and plays series to them.

May know: promtool's command line, its test files. May not know: which rules there are.
"""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from deploy.monitoring.files import ROOT, RULES

INTERVAL = "15s"
"""Between two samples of a series, as in deploy/kubernetes/overlays/monitoring/podmonitor.yaml."""
MISSING = "prometheus and promtool are not installed: deploy/local/prometheus gets them"


def promtool(*words: str) -> str:
    """What it says; it must be content. Skips with the reason where there is none."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip(MISSING)
    done = subprocess.run([program, *words], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def play(directory: Path, series: Mapping[str, str], **checks: list[dict[str, Any]]) -> None:
    """Let the kept rules see these series, and check; by promtool's words: `alert_rule_test`, `promql_expr_test`."""
    seen = [{"series": name, "values": values} for name, values in series.items()]
    tests = [{"interval": INTERVAL, "input_series": seen, **checks}]
    file = directory / "tests.json"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": INTERVAL, "tests": tests}))
    promtool("test", "rules", str(file))
