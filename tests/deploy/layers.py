"""What an image adds to its base, layer by layer: every file, also one that a later layer has deleted.

May know: `docker save`, tar. May not know: what should be in an image.
"""

import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

from tests.deploy.engine import inspected, run


def added(image: str, base: str, directory: Path) -> Mapping[str, bytes]:
    """The files of the layers that the base does not have, by their paths; the directory is for the archive."""
    archive = directory / "image.tar"
    run("docker", "save", "--output", str(archive), image)
    of_the_base = len(inspected(base)["RootFS"]["Layers"])
    assert inspected(image)["RootFS"]["Layers"][:of_the_base] == inspected(base)["RootFS"]["Layers"]
    files: dict[str, bytes] = {}
    with tarfile.open(archive) as saved:
        for name in _layers(saved)[of_the_base:]:
            with tarfile.open(fileobj=saved.extractfile(name)) as layer:
                files |= {m.name: _content(layer, m) for m in layer if m.isfile()}
    return files


def _layers(saved: tarfile.TarFile) -> list[str]:
    manifest = saved.extractfile("manifest.json")
    assert manifest is not None
    layers: list[str] = json.load(manifest)[0]["Layers"]
    return layers


def _content(layer: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = layer.extractfile(member)
    assert file is not None
    return file.read()
