"""The image holds what it is made of and no secret: no key, no settings, nothing that lay about where it was built."""

import csv
import json
import posixpath
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from importlib.util import source_from_cache
from pathlib import Path

import pytest
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.core.scan import scan_file
from detect_secrets.settings import transient_settings

from tests.deploy.engine import BASE, ROOT, build, inspected, run
from tests.deploy.layers import added

TREE = "opt/lastcall/"
SITE = f"{TREE}lib/python3.13/site-packages/"
VENV = {f"{TREE}{name}" for name in (".gitignore", "pyvenv.cfg")} | {
    f"{TREE}bin/{name}" for name in ("Activate.ps1", "activate", "activate.csh", "activate.fish")
}
"""What `python -m venv` makes."""
EXAMPLES = {"guest"}
"""Passwords that are none: the login that every RabbitMQ gives to its own machine."""
STRAYS = {
    ".env": "LASTCALL_AMQP_URL=amqp://shop:hunter2@rabbitmq/",
    "consumer/key.pem": "-----BEGIN PRIVATE KEY-----",
    "consumer/observe/.env": "TOKEN=hunter2",
    "examples/orders/orders.sqlite3": "books",
    "examples/id_rsa": "-----BEGIN OPENSSH PRIVATE KEY-----",
}
CONTEXT = ("pyproject.toml", "README.md", "LICENSE", ".dockerignore", "consumer", "examples", "deploy")

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def files(image: str, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """All that the image adds to its base."""
    return added(image, BASE, tmp_path_factory.mktemp("layers"))


def installed(files: Mapping[str, bytes]) -> set[str]:
    """What the packages in it say that they have installed."""
    records = [text.decode() for name, text in files.items() if name.startswith(SITE) and name.endswith("/RECORD")]
    return {posixpath.normpath(SITE + row[0]) for record in records for row in csv.reader(record.splitlines())}


def tracked(*directories: str) -> set[str]:
    """The files of this checkout."""
    git = shutil.which("git")
    if git is None or subprocess.run([git, "rev-parse"], cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip("this is no git checkout: nothing says what belongs to it")
    return {*run(git, "ls-files", "--cached", "--others", "--exclude-standard", *directories).split("\n")} - {""}


def source(name: str) -> str:
    """The file, or the one that it was compiled from."""
    return source_from_cache(name) if name.endswith(".pyc") else name


def test_every_file_is_a_packages_or_of_this_checkout(files: Mapping[str, bytes]) -> None:
    ours = {f"{TREE}app/{name}" for name in tracked("examples")}

    assert {source(name) for name in files} - installed(files) - VENV - ours == set()


def test_all_of_the_package_and_of_the_examples_is_there(files: Mapping[str, bytes]) -> None:
    expected = {SITE + name for name in tracked("consumer")} | {f"{TREE}app/{name}" for name in tracked("examples")}

    assert expected - {*files} == set()


def test_what_lies_about_where_it_is_built_stays_out(
    image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in CONTEXT:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, tmp_path / name)
    for name, content in STRAYS.items():
        (tmp_path / name).write_text(content)
    monkeypatch.setattr("tests.deploy.engine.ROOT", tmp_path)

    again = build(f"{image}-with-strays")
    try:
        assert inspected(again)["RootFS"] == inspected(image)["RootFS"]  # to the byte: the builder saw nothing else
    finally:
        run("docker", "rmi", again)


def found(path: Path) -> Iterator[str]:
    """What a scanner takes for a secret, and where."""
    for secret in scan_file(str(path)):
        if secret.secret_value not in EXAMPLES:
            yield f"{path.name}:{secret.line_number}: {secret.type}"


def test_a_scanner_finds_no_secret_in_the_application_its_settings_and_its_history(
    image: str, files: Mapping[str, bytes], tmp_path: Path
) -> None:
    texts = {name: content for name, content in files.items() if name.startswith(f"{TREE}app/")}
    texts |= {name: files[name] for name in VENV}
    texts["history"] = run("docker", "history", "--no-trunc", "--format", "{{.CreatedBy}}", image).encode()
    texts["config"] = json.dumps(inspected(image)["Config"], indent=1).encode()
    texts["one, to see that it is found"] = b"url: amqp://shop:hunter2@rabbitmq/\n"
    scanners = [{"name": each.__name__} for each in get_mapping_from_secret_type_to_class().values()]
    of_words = [each for each in scanners if "Entropy" not in each["name"]]  # any digest is random enough for those

    with transient_settings({"plugins_used": of_words}):
        secrets: list[str] = []
        for name, content in texts.items():
            (path := tmp_path / name.replace("/", "_")).write_bytes(content)
            secrets += found(path)
    assert secrets == ["one, to see that it is found:1: Basic Auth Credentials"]
