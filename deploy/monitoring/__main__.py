"""`python -m deploy.monitoring`: writes the kept files anew.

May know: which files. May not know: what is in them.
"""

from deploy.monitoring.files import ROOT, built

for path, content in built().items():
    path.write_text(content)
    print(path.relative_to(ROOT))  # noqa: T201 - this is what a command does
